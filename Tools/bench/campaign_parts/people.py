"""A file of leads as an import reads them: eight columns, three of them the company's own."""

import csv

COLUMNS = ("email", "first_name", "last_name", "company", "time_zone", "city", "tier", "employees")
# Those of a company's own: what kind of value each holds.
FIELDS = (
    {"key": "city", "name": "City", "kind": "text"},
    {"key": "tier", "name": "Tier", "kind": "choice", "choices": ["gold", "silver", "bronze"]},
    {"key": "employees", "name": "Employees", "kind": "number"},
)
FIRST = ("Ada", "Noor", "Zoë", "José", "Łucja", "Søren", "Jürgen", "Chloé", "Mateus", "Anaïs", "Björk", "Omar", "Priya", "Ingrid", "Kwame", "Olga")
LAST = ("Groß", "Müller", "García", "Ørsted", "Nowak", "O'Brien", "Lindberg", "Dupré", "Çelik", "Okafor", "Sharma", "Rossi", "Haddad", "Van-den-Berg")
ZONES = (
    "Europe/Oslo", "Europe/Berlin", "Europe/London", "America/New_York", "America/Sao_Paulo", "America/Los_Angeles", "Asia/Tokyo", "Asia/Kolkata",
    "Africa/Lagos", "Australia/Sydney", "Pacific/Auckland", "UTC")
CITIES = ("Zürich", "København", "São Paulo", "Łódź", "Málaga", "Dublin", "Göteborg", "Québec", "Kraków", "Lagos", "Pune", "Tromsø")
COMPANIES = 5_000
LARGEST = 10_000


def person(number):
    """The lead of this number, always the same; every address is its own and reserved for examples."""
    # Knuth's multiplier: neighbours have nothing in common.
    chance = number * 2_654_435_761 % 2**32
    company = chance % COMPANIES
    return (
        f"lead{number}@d{chance % 997}.example", FIRST[chance // 7 % len(FIRST)], LAST[chance // 11 % len(LAST)],
        # Some need quotes.
        f"Company {company}, Ltd" if company % 10 == 0 else f"Company {company}", ZONES[chance // 13 % len(ZONES)],
        CITIES[chance // 17 % len(CITIES)], FIELDS[1]["choices"][chance // 19 % 3], chance // 23 % LARGEST)


def write(path, count):
    """A file of so many leads below their header."""
    with open(path, "w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(COLUMNS)
        writer.writerows(person(number) for number in range(1, count + 1))
