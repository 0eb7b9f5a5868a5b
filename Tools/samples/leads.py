"""Makes Samples/leads.csv: leads as real lists have them, with names of many languages, quotes, line breaks, repeats and mistakes.

    python3 Tools/samples/leads.py > Samples/leads.csv

Always the same file. Every address is under a name that is reserved for examples, so nobody is ever written to.
"""

import argparse
import csv
import random
import sys
import unicodedata

HEADER = ["email", "first_name", "last_name", "company", "city"]
FIRST = (
    "Ada Noor Zoë José Łucja Søren Jürgen Éloïse 美咲 健太 Øystein Chloé Mateus İpek Dvořák Anaïs Björk Nguyễn Siobhán Omar Priya Tomáš "
    "Ingrid Kwame Lena Marek Olga Pavel Quentin Rosa Stéphane Tuğba Ulrike Valentina Wei Ximena Yusuf Zbigniew Grace Hiro").split()
LAST = (
    "Groß Müller García Ørsted Nowak 佐藤 鈴木 O'Brien d'Angelo Åkerlund Dupré Weiß Ødegaard Çelik Novák Nguyễn Smith Okafor Sharma Rossi "
    "Van-den-Berg Fernández Kowalska Petrov Lindqvist Haddad Kim Silva Moreau Jansen").split()
COMPANY = [
    "Café Zürich", 'Smith, Jones & "Partners"', "Nordlys ApS", "Kühn + Söhne GmbH", "東京デザイン", "Acme, Inc.", "Łódź Logistics", "Blue\nHarbour Ltd",
    "O'Malley & Co", "Bäckerei Strauß", "Société Générique", "Green Valley Farms", "Ångström Labs", "Orchid & Oak", "Delta; Systems", "Pixel Foundry",
]
CITY = ["Zürich", "København", "東京", "São Paulo", "Łódź", "Málaga", "Dublin", "Göteborg", "Québec", "İzmir", "Kraków", "Lagos", "Pune", "Tromsø"]
DOMAINS = ["example.com", "example.org", "example.net", "mail.example.com", "team.example.org", "office.test", "shop.example", "post.example.net"]

# One of each kind of row that no import can take.
BAD = [
    ["", "Nadia", "Empty", "No address at all", "Lyon"],
    ["   ", "Theo", "Blank", "Spaces only", "Bern"],
    ["paul.example.com", "Paul", "Missing", "No at sign", "Graz"],
    ["anna@", "Anna", "Domainless", "Domain missing", "Oslo"],
    ["@example.com", "Nobody", "Local", "Local part missing", "Rome"],
    ["two@signs@example.com", "Tara", "Twice", "Two at signs", "Bonn"],
    ["with space@example.com", "Wim", "Space", "A space inside", "Gent"],
    ["double..dot@example.com", "Dora", "Dots", "Two dots in a row", "Brno"],
    ["extra@example.com", "Enzo", "Extra", "Too many columns", "Riga", "surplus", "more"],
    ["dash@-example.com", "Dana", "Dash", "No host name", "Cork"],
]
# The development mail server refuses these, as a real one refuses people who have left.
GONE = ["refuse-550.former@example.com", "refuse-550.closed@example.org", "refuse-550.moved@example.net"]


def rows(count, duplicates, seed):
    chance = random.Random(seed)
    people = [person(chance, number) for number in range(count - len(BAD) - len(GONE) - duplicates)]
    people += [[address, *person(chance, 0)[1:]] for address in GONE]
    chance.shuffle(people)
    repeats = [repeat(chance, row) for row in chance.sample(people[: count // 2], duplicates)]
    for row in BAD + repeats:
        # In the second half, so that a repeat comes after what it repeats.
        people.insert(chance.randrange(count // 2, len(people)), row)
    return people


def person(chance, number):
    first, last = chance.choice(FIRST), chance.choice(LAST)
    address = f"{plain(first) or 'lead'}.{plain(last) or 'person'}{number}@{chance.choice(DOMAINS)}"
    # Lists have holes: that is what a template's fallback is for.
    return [address, "" if chance.random() < 0.08 else first, last, chance.choice(COMPANY), "" if chance.random() < 0.05 else chance.choice(CITY)]


def repeat(chance, row):
    """The same person again, as somebody else typed it."""
    address = row[0].upper() if chance.random() < 0.5 else f" {row[0]} "
    return [address, *row[1:4], chance.choice(CITY)]


def plain(name):
    """The letters of a name that stand in an address everywhere."""
    return "".join(letter for letter in unicodedata.normalize("NFKD", name).lower() if letter.isascii() and letter.isalpha())


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=1_000)
    parser.add_argument("--duplicates", type=int, default=12)
    options = parser.parse_args()
    sys.stdout.reconfigure(encoding="utf-8", newline="")
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(HEADER)
    writer.writerows(rows(options.rows, options.duplicates, seed=2024))


if __name__ == "__main__":
    main()
