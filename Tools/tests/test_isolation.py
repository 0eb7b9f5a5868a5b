"""How the isolation tests find what to ask: without a stack, from small descriptions."""

import sys
import unittest
from types import SimpleNamespace

from penguin.layout import ROOT

sys.path.insert(0, str(ROOT / "Tests" / "Isolation"))

import caller  # noqa: E402
import identifiers  # noqa: E402
import questions  # noqa: E402
import test_rpc  # noqa: E402

THEIRS, OURS, INNER = "0190a6c2-1000-7000-8000-000000000001", "0190a6c2-2000-7000-8000-000000000002", "0190a6c2-3000-7000-8000-000000000003"
PLAIN = {"responses": {"200": {}}}


def document(**paths):
    return {"paths": {f"/api/v1/{name.replace('__', '/')}": item for name, item in paths.items()}}


def company(**lists):
    return SimpleNamespace(workspace=OURS, tenant=THEIRS, user=THEIRS, api=SimpleNamespace(get=lambda path, **_: {"data": lists[path.rpartition("/")[2]]}), rows=lambda _: [])


def pairs(description, theirs, ours):
    found = identifiers.Identifiers(description, theirs)
    made = questions.Questions(description, found, identifiers.Identifiers(description, ours), found.followed)
    return list(made.pairs()), made


class Tests(unittest.TestCase):
    def test_what_a_path_names_comes_from_the_list_before_it(self):
        description = document(**{"lists": {"get": PLAIN}, "lists__{id}": {"get": {**PLAIN, "operationId": "readList"}}})
        description["paths"]["/api/v1/lists"]["get"] = {**PLAIN, "operationId": "listLists"}
        made, all_questions = pairs(description, company(lists=[{"id": THEIRS}]), company(lists=[{"id": OURS}]))
        self.assertEqual([pair.foreign.path for pair in made], [f"/api/v1/lists/{THEIRS}"])
        self.assertNotIn(THEIRS, made[0].unknown.path)
        self.assertEqual(all_questions.unfound, [])

    def test_a_path_whose_list_nobody_knows_is_not_passed_over(self):
        description = document(**{"secrets__{id}": {"get": {**PLAIN, "operationId": "readSecret"}}})
        made, all_questions = pairs(description, company(), company())
        self.assertEqual(made, [])
        self.assertIn("nothing lists what {id} could be", all_questions.unfound[0])

    def test_what_is_theirs_is_also_asked_below_what_is_ours(self):
        inner = {"get": {**PLAIN, "operationId": "readMember"}}
        description = document(**{"lists": {"get": {**PLAIN, "operationId": "a"}}, "lists__{id}__members": {"get": {**PLAIN, "operationId": "b"}}, "lists__{id}__members__{member}": inner})
        made, _ = pairs(description, company(lists=[{"id": THEIRS}], members=[{"id": INNER}]), company(lists=[{"id": OURS}], members=[{"id": OURS}]))
        self.assertIn(f"/api/v1/lists/{OURS}/members/{INNER}", [pair.foreign.path for pair in made if pair.operation == "readMember"])

    def test_a_member_of_a_body_is_theirs_and_the_others_are_ours(self):
        body = {"content": {"application/json": {"example": {"workspace": INNER, "list": INNER}, "schema": {}}}}
        description = document(**{
            "leads": {"post": {**PLAIN, "operationId": "createLead", "requestBody": body}}, "lists": {"get": {**PLAIN, "operationId": "a"}},
            "workspaces": {"get": {**PLAIN, "operationId": "b"}}})
        made, _ = pairs(description, company(lists=[{"id": THEIRS}], workspaces=[{"id": THEIRS}]), company(lists=[{"id": OURS}], workspaces=[{"id": OURS}]))
        bodies = [pair.foreign.body.decode() for pair in made]
        self.assertEqual(bodies, [f'{{"workspace": "{THEIRS}", "list": "{OURS}"}}', f'{{"workspace": "{OURS}", "list": "{THEIRS}"}}'])

    def test_a_member_that_nobody_knows_is_not_passed_over(self):
        body = {"content": {"application/json": {"example": {"penguin": INNER}, "schema": {}}}}
        _, made = pairs(document(leads={"post": {**PLAIN, "operationId": "createLead", "requestBody": body}}), company(), company())
        self.assertIn("what does penguin name?", made.unfound[0])

    def test_answers_that_differ_in_identifiers_and_instants_alone_are_the_same(self):
        one, other = (caller.bare(f'{{"id": "{name}", "at": "2026-11-0{day}T10:00:00.123Z", "n": 1}}') for name, day in ((THEIRS, 1), (OURS, 2)))
        self.assertEqual(one, other)
        self.assertNotEqual(one, caller.bare('{"id": "x", "n": 2}'))

    def test_every_service_is_asked_for_its_methods(self):
        found = test_rpc.methods()
        self.assertIn("delivery.purge", found["delivery"])
        self.assertIn("auth.readWorkspace", found["auth"])
        self.assertGreater(sum(map(len, found.values())), 25)


if __name__ == "__main__":
    unittest.main()
