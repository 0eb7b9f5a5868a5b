"""Every route of the description, asked by one company with everything that another one has: it must not even learn that it is there."""

import statistics
import time
import unittest
from collections import defaultdict

import place  # noqa: F401
import companies
import rows
from caller import Caller
from ground import ground
from identifiers import STAFF, Identifiers
from penguin.openapi import Description, operations
from questions import Questions

# So often each pair is asked, in turns, so that both sides meet the same weather.
ROUNDS = 3
# Answers to a path that names nobody's thing other than 404, and why.
OTHERWISE = {
    # Nothing is looked up where the operator offers no sending of its own.
    "makeMailboxDirect": (404, 422),
    # The operator's people only.
    "endSupportSession": (403,),
}
# Nile answers so for a company that one does not belong to.
NILE = ("/api/tenants/", "/api/users/", "/v2/databases/")


class Routes(unittest.TestCase):
    maxDiff = None

    @classmethod
    def setUpClass(cls):
        cls.theirs, cls.ours = companies.full(), companies.asking()
        cls.document = Description.load().document
        cls.identifiers = Identifiers(cls.document, cls.theirs)
        cls.questions = Questions(cls.document, cls.identifiers, Identifiers(cls.document, cls.ours), cls.identifiers.followed)
        cls.pairs = list(cls.questions.pairs())
        cls.caller = Caller(cls.ours.api, ground().authority)

    def test_each_identifier_of_a_path_is_found_or_has_a_reason(self):
        self.assertEqual(sorted(set(self.questions.unfound)), [])
        asked = {pair.operation for pair in self.pairs}
        left_out = {line.split(":")[0] for line in self.questions.left_out}
        forgotten = [
            f"{method.upper()} {path}" for path, method, operation in operations(self.document)
            if "{" in path and operation["operationId"] not in asked and f"{method.upper()} {path}" not in left_out]
        self.assertEqual(forgotten, [])

    def test_the_owner_finds_what_the_paths_name(self):
        """Otherwise everybody would be told that there is nothing, and rightly."""
        owner = Caller(self.theirs.api, ground().authority)
        faults = []
        for pair in self.pairs:
            if pair.place == "path" and pair.foreign.method == "GET" and not pair.foreign.path.startswith(STAFF):
                answer = owner.ask(pair.foreign)
                # A conflict is about something that is there.
                if answer.status not in (200, 202, 206, 302, 409):
                    faults.append(f"{pair.title}: {pair.foreign.path}: {answer}")
        self.assertEqual(faults, [])

    def test_another_companys_things_are_answered_as_what_is_not_there(self):
        before = settled(self.theirs)
        faults, times = [], defaultdict(lambda: ([], []))
        for pair in self.pairs:
            # What is taken twice is told otherwise than what is taken once: the first answers do not count.
            self.caller.ask(pair.unknown), self.caller.ask(pair.foreign)
            for _ in range(ROUNDS):
                unknown, foreign = self.caller.ask(pair.unknown), self.caller.ask(pair.foreign)
                times[pair.title][0].append(unknown.seconds)
                times[pair.title][1].append(foreign.seconds)
                if not foreign.same(unknown):
                    faults.append(f"{pair.title}: {foreign}; of what is not there: {unknown}")
                    break
            wanted = OTHERWISE.get(pair.operation, self._refusals(pair.foreign.path))
            if pair.place.startswith("path") and foreign.status not in wanted:
                faults.append(f"{pair.title}: {foreign} instead of {wanted}")
        tell(times)
        self.assertEqual(faults, [])
        self.assertEqual(rows.differences(before, settled(self.theirs)), [])

    def _refusals(self, path):
        return (403,) if path.startswith(STAFF) else (401, 404) if path.startswith(NILE) else (404,)


def settled(company, seconds=60):
    """What the database holds of a company, once it has been the same twice: what was told to others arrives a moment later."""
    end = time.monotonic() + seconds
    seen = rows.picture(company)
    while True:
        time.sleep(2)
        now = rows.picture(company)
        if now == seen:
            return now
        if time.monotonic() > end:
            raise AssertionError("the company does not come to rest:\n" + "\n".join(rows.differences(seen, now)))
        seen = now


def tell(times):
    """Prints how much longer what is another's takes than what is not there; a figure to look at, not a limit that a busy machine would miss."""
    ratios = {title: statistics.median(theirs) / statistics.median(nobodys) for title, (nobodys, theirs) in times.items()}
    print(f"\n  {len(ratios)} kinds of requests; what is another's took {statistics.median(ratios.values()):.3f} times as long as what is not there (median)")
    for title in sorted(ratios, key=ratios.get, reverse=True)[:5]:
        print(f"    {ratios[title]:6.2f}  {title}")


if __name__ == "__main__":
    unittest.main()
