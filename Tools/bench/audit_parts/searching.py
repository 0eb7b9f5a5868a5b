"""How long somebody waits who reads a large trail: the newest, one actor's acts of a kind, a rare word, and a page far back."""

import re
import time
from dataclasses import dataclass
from urllib.parse import urlencode

from bench.audit_parts.entries import WORDS, word
from bench.campaign_parts.measure import percentile
from penguin.terminal import Failure, step

REQUESTS = 200
REPETITIONS = 8
PAGE = 50
PAGES = 1_000
PAIRS = 20
# Milliseconds, 99 times of a hundred; and how much slower a page far back may be.
LIMIT = 10
PATH = "/api/v1/audit/events"
# A search by words looks through so many days at most.
DAYS = 399
# As the requests' connections are set.
SESSION = "-c TimeZone=UTC"
COLUMNS = """e.*, d.actor_name, d.target_names, d.address, d.user_agent, d.changes, d.metadata, d.salts
    from audit.trail_events e join audit.trail_details d on d.tenant_id = e.tenant_id and d.id = e.id and d.class = e.class
    where e.tenant_id = '{tenant}'"""


@dataclass(frozen=True)
class Search:
    """Requests of a kind, and the same asked of the database itself: neither counts, nor rights, nor a signed state of the tree."""

    name: str
    paths: list
    statements: list

    def ask(self, asker, times):
        """Milliseconds of each."""
        return [asker.get(self.paths[number % len(self.paths)])[0] for number in range(times)]


def searches(sql, company):
    tenant = company.tenant
    own = COLUMNS.format(tenant=tenant)
    newest = f"order by e.id desc limit {PAGE}"
    pairs = [line.split("|") for line in sql.run(
        f"""select actor_id, action from audit.trail_events where tenant_id = '{tenant}' group by 1, 2
        order by md5(actor_id || action) limit {PAIRS}""").splitlines()]
    words = [word(number) for number in range(WORDS)]
    since = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() - DAYS * 86_400))
    mark = tenant[-8:]
    return [
        Search(f"latest {PAGE}", [path(limit=PAGE)], [f"select {own} {newest}"]),
        Search(
            "actor and action", [path(actor=actor, action=action, limit=PAGE) for actor, action in pairs],
            [f"select {own} and e.actor_id = '{actor}' and e.action = '{action}' {newest}" for actor, action in pairs]),
        Search(
            "a rare word", [path(q=one, limit=PAGE, **{"from": since}) for one in words],
            [f"select {own} and audit.trail_terms(d.tenant_id, d.search, d.metadata) @@ '''{mark}={one}'''::tsquery {newest}" for one in words]),
    ]


def path(**parameters):
    return f"{PATH}?{urlencode(parameters)}"


def measure(ground, asker, search):
    """Milliseconds the first time of each search, those of later ones, and those of the database alone."""
    with step(f"{search.name}, {REQUESTS} times"):
        first = []
        for address in search.paths:
            milliseconds, page = asker.get(address)
            if not page["data"]:
                raise Failure(f"Nothing was found: {address}")
            first.append(milliseconds)
        # Somebody reads again within the hour: that they do stands in the trail already.
        later = search.ask(asker, REQUESTS)
        return first, later, raw(ground, search.statements, REQUESTS)


def raw(ground, statements, times):
    """Milliseconds as psql sees them, prepared, over and over."""
    script = ["\\o /dev/null"] + [f"prepare s{number} as {text};" for number, text in enumerate(statements)]
    turns = [f"execute s{number % len(statements)};" for number in range(times)]
    answer = ground.psql("postgres", SESSION).script("\n".join([*script, *turns[:len(statements)], "\\timing on", *turns]) + "\n")
    found = [float(number) for number in re.findall(r"^Time: ([\d.]+) ms", answer, re.MULTILINE)]
    if len(found) != times:
        raise Failure(f"psql said something else than expected: {answer.strip()[:500]}")
    return found


class Walk:
    """From the newest page to one far back, by its cursors."""

    def __init__(self, asker):
        self._asker = asker
        # The addresses of the first, the second and the last page, and the last one's number.
        self.first, self.second, self.last, self.number = path(limit=PAGE), None, None, 1

    def go(self, pages=PAGES):
        """Each entry is met once; a trail that ends before is walked to its last whole page."""
        seen = set()
        with step(f"Walking {pages} pages"):
            _, page = self._asker.get(self.first)
            seen.update(one["id"] for one in page["data"])
            while self.number < pages and page["page"]["next"]:
                address = path(limit=PAGE, cursor=page["page"]["next"])
                _, page = self._asker.get(address)
                if len(page["data"]) < PAGE:
                    break
                self.number += 1
                self.second = self.second or address
                self.last = address
                seen.update(one["id"] for one in page["data"])
        if self.number < 3 or len(seen) != self.number * PAGE:
            raise Failure(f"{self.number} pages of {PAGE} have {len(seen)} different entries.")

    def compare(self, times=REQUESTS):
        """Middle milliseconds of the first, the second and the last page, asked for in turn."""
        waits = {address: [] for address in (self.first, self.second, self.last)}
        with step(f"Pages 1, 2 and {self.number}, {times} times"):
            for _ in range(times):
                for address, times_of in waits.items():
                    times_of.append(self._asker.get(address)[0])
        return [percentile(times_of, 50) for times_of in waits.values()]
