"""The description of the API: how its parts become one, and what the check must see."""

import copy
import json
import tempfile
import unittest
from pathlib import Path

from penguin import openapi_pages
from penguin.openapi import Description
from penguin.routes import RouteTable
from penguin.terminal import Failure

PROBLEM = {"description": "No.", "content": {"application/problem+json": {"schema": {"type": "object"}}}}
BASE = {
    "openapi": "3.1.0", "info": {"title": "An API", "version": "1", "description": "Words and `code`."}, "tags": [{"name": "Things", "description": "All of them."}],
    "components": {
        "securitySchemes": {"Session": {"type": "apiKey", "in": "cookie", "name": "s"}},
        "parameters": {"Limit": {"name": "limit", "in": "query", "description": "How many.", "schema": {"type": "integer", "minimum": 1}}},
        "responses": {name: PROBLEM for name in (
            "Problem", "BadRequest", "Unauthorized", "Forbidden", "TooLarge", "UnsupportedMediaType", "TooMany", "Unavailable")},
        "schemas": {"Thing": {"type": "object", "required": ["id", "made_at"], "properties": {
            "id": {"type": "string", "format": "uuid"}, "made_at": {"type": "string", "format": "date-time"}, "words": {"type": "string", "maxLength": 5}}}},
    },
}
THING = {"id": "0192f3a1-7c44-7e1b-9a53-2f6f1f0c8a11", "made_at": "2026-11-23T18:00:00.000Z"}
CONTENT = {"application/json": {"schema": {"$ref": "#/components/schemas/Thing"}, "example": THING}}
READ = {
    "operationId": "getThing", "summary": "One thing", "tags": ["Things"],
    "parameters": [{"name": "id", "in": "path", "required": True, "schema": {"type": "string"}}, {"$ref": "#/components/parameters/Limit"}],
    "responses": {"200": {"description": "It.", "content": CONTENT}},
}
WRITE = {
    "operationId": "makeThing", "summary": "Make <one>", "tags": ["Things"], "security": [],
    "requestBody": {"required": True, "content": CONTENT}, "responses": {"201": {"description": "Made.", "content": CONTENT}},
}
PATHS = {"/things/{id}": {"get": READ}, "/open": {"post": WRITE}}
LINES = [
    {"path": "/things", "service": "campaigns", "auth": "session"}, {"path": "/open", "service": "auth", "auth": "public", "rate": "slow"},
    {"path": "/hooks", "service": "billing", "auth": "none"},
]
TABLE = RouteTable({"rate_zones": {"slow": {"rate": "1r/s", "burst": 1, "about": "slow"}}, "routes": LINES})


class DescriptionTests(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)

    def load(self, base=BASE, **parts):
        (self.folder / "campaigns").mkdir(exist_ok=True)
        (self.folder / "api.json").write_text(json.dumps(base))
        for name, part in (parts or {"things": {"paths": PATHS}}).items():
            (self.folder / "campaigns" / f"{name}.json").write_text(part if isinstance(part, str) else json.dumps(part))
        return Description.load(self.folder, TABLE)

    def changed(self, change, paths=PATHS):
        """What is said of a description after one change."""
        paths = copy.deepcopy(paths)
        change(paths["/things/{id}"]["get"], paths)
        return self.load(things={"paths": paths}).own_faults()

    # Becoming one

    def test_parts_become_one_in_an_order_of_its_own(self):
        whole = self.load(a={"paths": {"/things/{id}": {"get": READ}}}, b={"paths": {"/open": {"post": WRITE}}})
        self.assertEqual(whole.own_faults(), [])
        other = self.load(a={"paths": {"/open": {"post": WRITE}}}, b={"paths": {"/things/{id}": {"get": READ}}})
        self.assertEqual(whole.text(), other.text())
        self.assertEqual(list(whole.document["paths"]), ["/open", "/things/{id}"])

    def test_what_the_route_table_knows_is_added(self):
        paths = self.load().document["paths"]
        read, write = paths["/things/{id}"]["get"], paths["/open"]["post"]
        self.assertEqual(list(read["responses"]), ["200", "401", "403", "429", "503", "default"])
        self.assertEqual(list(write["responses"]), ["201", "400", "413", "415", "429", "default"])
        self.assertEqual(read["security"], [{"Session": []}, {"ApiKey": ["campaigns:read"]}])
        self.assertEqual(write["security"], [])

    def test_parameters_of_a_path_belong_to_each_of_its_operations(self):
        identifier, limit = READ["parameters"]
        paths = {**PATHS, "/things/{id}": {"parameters": [identifier], "get": {**READ, "parameters": [limit]}}}
        whole = self.load(things={"paths": paths})
        self.assertEqual(whole.own_faults(), [])
        self.assertEqual(whole.document, self.load().document)

    def test_keys_reach_only_what_there_is_a_scope_for(self):
        table = RouteTable({"rate_zones": {}, "routes": [
            {"path": "/b", "service": "billing", "auth": "session"}, {"path": "/api/v1/platform/x", "service": "delivery", "auth": "session"},
            {"path": "/hooks", "service": "billing", "auth": "none"}]})
        operation = {**READ, "parameters": []}
        (self.folder / "api.json").write_text(json.dumps({**BASE, "paths": {
            "/b": {"get": {**operation, "operationId": "a"}, "post": {**operation, "operationId": "b"}},
            "/api/v1/platform/x": {"get": {**operation, "operationId": "c"}}, "/hooks": {"post": {**operation, "operationId": "d"}}}}))
        paths = Description.load(self.folder, table).document["paths"]
        self.assertEqual(paths["/b"]["get"]["security"], [{"Session": []}, {"ApiKey": ["billing:read"]}])
        self.assertEqual(paths["/b"]["post"]["security"], [{"Session": [], "CSRF": []}])
        self.assertEqual(paths["/api/v1/platform/x"]["get"]["security"], [{"Session": []}])
        self.assertEqual(paths["/hooks"]["post"]["security"], [])

    def test_what_is_described_twice(self):
        schemas = {"components": {"schemas": {"Thing": {"type": "object"}}}}
        twice = {"paths": {"/open": {"post": {**WRITE, "operationId": "other"}}}, "tags": BASE["tags"], **schemas, "more": 1}
        faults = self.load(things={"paths": PATHS}, twice=twice).own_faults()
        self.assertEqual(len(faults), 4, faults)
        for word in ("/open post", "Thing", "the tag Things", "member more"):
            self.assertTrue(any(word in fault for fault in faults), word)

    def test_a_part_that_is_none(self):
        for text in ("{", '{"paths": {"/a": {}, "/a": {}}}'):
            with self.assertRaises(Failure):
                self.load(broken=text)

    # Being right

    def test_what_is_not_right(self):
        def without(name):
            return lambda read, _: read.pop(name)

        def answered(**members):
            def change(read, _):
                read["responses"]["200"] = {**read["responses"]["200"], **members}
            return change

        def example(**members):
            return answered(content={"application/json": {**CONTENT["application/json"], "example": {**THING, **members}}})

        for words, change in [
            ("summary", without("summary")), ("operationId", without("operationId")), ("one tag", without("tags")),
            ("operationId makeThing is also", lambda read, _: read.update(operationId="makeThing")),
            ("one tag", lambda read, _: read.update(tags=["Unknown"])),
            ("described are (none)", lambda read, _: read.update(parameters=[])),
            ("leads nowhere", lambda read, _: read.update(parameters=[{"$ref": "#/components/parameters/Nothing"}])),
            ("leads nowhere", lambda read, _: read["responses"].update({"404": {"$ref": "other.json#/x"}})),
            ("no example", answered(content={"application/json": {"schema": {"$ref": "#/components/schemas/Thing"}}})),
            ("no schema", answered(content={"application/json": {"example": 1}})),
            ("no description", answered(description="")),
            ("schema is none", answered(content={"application/json": {"schema": {"type": "thing"}, "example": 1}})),
            ("does not fit at id", example(id="one")), ("does not fit at made_at", example(made_at="yesterday")),
            ("does not fit at made_at", example(made_at="2026-13-23T18:00:00Z")), ("does not fit at words", example(words="longer")),
            ("no answer that is not a failure", lambda read, _: read.update(responses={"404": PROBLEM})),
            ("is no status", lambda read, _: read["responses"].update({"two": PROBLEM})),
            ("no line of the route table", lambda _, paths: paths.update({"/nowhere": {"get": {**READ, "operationId": "other", "parameters": []}}})),
            ("which security", lambda _, paths: paths["/open"]["post"].pop("security")),
            ("nothing refers to it", lambda _, paths: [paths.clear(), paths.update({"/things/{id}": {"get": {**READ, "responses": {"204": {"description": "x"}}}}})]),
        ]:
            with self.subTest(words):
                faults = self.changed(change)
                self.assertTrue(faults and any(words in fault for fault in faults), faults)

    def test_described_and_answered_are_the_same(self):
        whole = self.load()
        answered = {"campaigns": ["GET /things/{id}", "HEAD /things/{id}", ""], "auth": ["POST /open", "GET /gateway/authenticate"]}
        self.assertEqual(whole.route_faults(answered), [])
        answered["auth"] += ["GET /open"]
        answered["campaigns"] = []
        self.assertEqual(whole.route_faults(answered), [
            "GET /open is answered, but not described in Gateway/OpenAPI", "GET /things/{id} is described in Gateway/OpenAPI, but nobody answers it"])

    def test_the_real_one_is_right(self):
        self.assertEqual(Description.load().own_faults(), [])

    # Being read

    def test_pages_for_people(self):
        folder = openapi_pages.write(self.folder / "made", self.load())
        self.assertEqual(openapi_pages.write(folder, self.load()), folder)
        self.assertEqual(json.loads((folder / "openapi.json").read_text())["paths"].keys(), PATHS.keys())
        self.assertEqual({path.name for path in (folder / "docs").iterdir()}, {"index.html", "things.html", "schemas.html", "docs.css"})
        page = (folder / "docs" / "things.html").read_text()
        for words in (
            'lang="en"', '<h2 id="getThing">One thing</h2>', "<b>GET</b> /things/{id}", "Make &lt;one&gt;", '<a href="/api/docs/schemas.html#Thing">Thing</a>',
            "an API key with the scope <code>campaigns:read</code>", 'aria-current="page"', "nothing: anybody may ask", "at most 5 characters",
        ):
            self.assertIn(words, page)
        self.assertIn("<code>code</code>", (folder / "docs" / "index.html").read_text())
        self.assertIn('<h2 id="Thing">', (folder / "docs" / "schemas.html").read_text())


if __name__ == "__main__":
    unittest.main()
