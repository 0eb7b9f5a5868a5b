"""What ./penguin contract asks: the description without what allows everything, and as somebody who stays signed in."""

import unittest
from types import SimpleNamespace

from penguin import contract
from penguin.openapi import Description, operations

DOCUMENT = {"paths": {
    "/things": {"get": {"operationId": "listThings", "responses": {"200": {"description": "x"}, "default": {"description": "y"}}}},
    "/things/{id}": {"get": {"operationId": "followThing", "responses": {"200": {"description": "x", "content": {"text/event-stream": {}}}, "404": {"description": "none"}}}},
}}


class ContractTests(unittest.TestCase):
    def test_only_what_is_named_is_allowed(self):
        paths = contract.strict(DOCUMENT)["paths"]
        self.assertEqual(set(paths["/things"]["get"]["responses"]), {"200", "405"})
        self.assertEqual(set(paths["/things/{id}"]["get"]["responses"]), {"200", "400", "404", "405"})
        self.assertEqual(paths["/things/{id}"]["get"]["responses"]["404"], {"description": "none"})
        self.assertIn("default", DOCUMENT["paths"]["/things"]["get"]["responses"])

    def test_streams_are_left_out(self):
        self.assertEqual(contract.streams(DOCUMENT), ["followThing"])

    def test_what_ends_the_session_is_left_out_and_exists(self):
        known = {operation["operationId"] for _, _, operation in operations(Description.load().document)}
        self.assertEqual(set(contract.ENDING) - known, set())

    def test_the_command(self):
        options = SimpleNamespace(examples=7, seconds=60, seed=3, tag=["Things"], coverage=False)
        asked = contract.command("schemathesis", "openapi.json", "https://localhost:1", "ca.pem", "a=b", "token", options, ["signOut"])
        self.assertEqual(asked[:3], ["schemathesis", "run", "openapi.json"])
        for name, value in [
            ("--max-examples", "7"), ("--max-time", "60"), ("--seed", "3"), ("--exclude-operation-id", "signOut"), ("--include-tag", "Things"),
            ("--phases", "examples,fuzzing"), ("--tls-verify", "ca.pem"),
        ]:
            self.assertEqual(asked[asked.index(name) + 1], value)
        self.assertIn("X-CSRF-Token:token", asked)
        options.coverage, options.tag = True, None
        asked = contract.command("schemathesis", "openapi.json", "https://localhost:1", "ca.pem", "a=b", "token", options, [])
        self.assertIn("examples,coverage,fuzzing", asked)
        self.assertNotIn("--include-tag", asked)


if __name__ == "__main__":
    unittest.main()
