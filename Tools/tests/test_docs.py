"""The check of the documents: each kind of fault is found where it stands, and what is right is let be."""

import tempfile
import unittest
from pathlib import Path

from penguin import docs, docs_commands, docs_known
from penguin.docs_text import Document, words
from penguin.layout import ROOT

REAL = docs_known.Known(ROOT)


class Tree(unittest.TestCase):
    """A small tree of its own, compared with what this one knows of routes and settings."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = Path(folder.name).resolve()
        (self.root / "docs").mkdir()

    def write(self, name, text):
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def faults(self, text, required=()):
        self.write("docs/page.md", text)
        known = docs_known.Known(self.root)
        known.__dict__.update(_routes=REAL._routes, _settings=REAL._settings, _keys=REAL._keys)
        return docs.Checker(self.root, known, required).faults()


class LinkTests(Tree):
    def test_links_that_lead_somewhere(self):
        self.write("docs/other.md", "# Other things, & more\n## Same\n## Same\n## [A `word`](x.md)\n<a id=\"here\"></a>\n")
        self.write("docs/x.md", "")
        self.write("README.md", "[page](docs/page.md) ![picture](docs/x.md \"words\") <img src=\"docs/x.md\">")
        self.assertEqual(self.faults(
            "# One\n[a](other.md) [b](other.md#other-things--more) [c](other.md#same-1) [d](other.md#a-word) [e](other.md#here) [f](#one)\n"
            "[g](https://elsewhere.example/x#y) [h](mailto:a@b.example) [i](../README.md) [j](/docs/other.md)\n`[k](nowhere.md)`\n```\n[l](nowhere.md)\n```\n"), [])

    def test_links_that_do_not(self):
        self.write("docs/other.md", "# Other\n")
        faults = self.faults("[a](nowhere.md)\n\n[b](other.md#else)\n[c](#else)\n[d]: gone.md\n![e](x.png)\n<img src=\"y.png\">\n[f](../../../etc/hosts)\n")
        self.assertEqual([int(fault.split(":")[1]) for fault in faults], [1, 3, 4, 5, 6, 7, 8], faults)
        self.assertTrue(all(fault.startswith("docs/page.md:") for fault in faults))

    def test_documents_that_must_be_there(self):
        self.assertEqual(self.faults("", required=("docs/page.md", "docs/gone.md")), ["docs/gone.md is missing, though the product names it"])
        self.assertIn("docs/technical/integrations/stripe.md", docs.REQUIRED)


class SpanTests(Tree):
    def setUp(self):
        super().setUp()
        self.write("Services/Auth/Migrations/m0001_accounts.sql", "")
        self.write("Tests/AuthTests/SignInTests.swift", "@Suite struct SignInTests {\n    @Test(\"x\") func slow() {}\n}\n")

    def test_what_is_there(self):
        self.assertEqual(self.faults(
            "`Services/Auth` `Services/<Service>/Migrations` `Services/*/Migrations/m0001_….sql` `m0001_accounts.sql` `AuthTests` `SignInTests.slow` "
            "`Tests/AuthTests/SignInTests.swift:2`\n`delivery.imap.threads` `delivery.recipients.suppressed` `POSTGRES_HOST` `POSTGRES_PORT=5432` `DELIVERY_OAUTH_GOOGLE_ISSUER` `PENGUIN_LOCAL` `GATEWAY_PORT`\n"
            "`GET /api/v1/campaigns/{id}` `GET, POST /api/v1/leads` `POST …/checkout` `GET /readyz` `/api/v1/campaigns/…` `GET /api/v1/leads?limit=5`\n"), [])

    def test_what_is_not(self):
        for span in (
            "Services/Billing", "Services/Auth/Migrations/m0002_….sql", "m0002_more.sql", "SignInTests.quick", "SignUpTests", "POSTGRES_HOTS", "POSTGRES_HOTS=x", "delivery.imap.thread",
            "GET /api/v1/penguins", "DELETE /api/v1/plans", "GET, DELETE /api/v1/plans", "POST …/check-in", "/api/v1/penguins", "GET /api/v1/campaigns/{id}/nothing",
        ):
            faults = self.faults(f"\n`{span}`\n")
            self.assertEqual([fault.startswith("docs/page.md:2: ") for fault in faults], [True], (span, faults))


class BlockTests(Tree):
    def test_json(self):
        self.assertEqual(self.faults('```json\n{"a": 1}\n```\n'), [])
        self.assertEqual(len(self.faults('```json\n{"a": 1,}\n```\n')), 1)
        self.assertEqual(self.faults('```\n{"a": 1,}\n```\n'), [])

    def test_shell(self):
        self.assertEqual(self.faults("```sh\nfor a in b; do echo $a; done\n```\n"), [])
        self.assertEqual(len(self.faults("```sh\nfor a in b; do echo $a\n```\n")), 1)

    def test_a_fault_is_told_with_its_line(self):
        self.assertEqual(self.faults("a\n```\n\n./penguin up\n./penguin upp \\\n  --detach\n```\n`./penguin dwon`\n")[0].split(": ")[0], "docs/page.md:5")


class CommandTests(unittest.TestCase):
    def faults(self, command):
        return docs_commands.faults(command, REAL)

    def test_penguin(self):
        for command in (
            "./penguin", "./penguin up --detach --no-build", "./penguin demo [leads.csv]  # sends it", "PENGUIN_CONFIGURATION=release ./penguin bench delivery",
            "./penguin up | down | logs [service] | bench [name] | help", "./penguin test --filter CampaignsTests", "./penguin console-test [-k NAME]",
            "./penguin openapi | jq .info", "./penguin audit verify --export audit.ndjson --key trail.pub", "./penguin bench audit --rows 400000",
            "./penguin contract --examples N && ./penguin down", "./penguin logs SERVICE", "mkdir x; ./penguin down", "PYTHONPATH=Tools python3 -m penguin.kubernetes secrets deploy/kubernetes/secrets", "python3 -m unittest x",
            "swift test --filter Simulation", "swift build --product Delivery", 'swift test --filter "LeadFieldTests"',
        ):
            self.assertEqual(self.faults(command), [], command)

    def test_what_penguin_would_refuse(self):
        for command in (
            "./penguin dwon", "./penguin up --detatch", "./penguin logs nobody", "./penguin bench nothing", "./penguin up | dwon", "./penguin contract --examples many",
            "PENGUIN_CONFIGURATON=release ./penguin up", "make x && ./penguin dwon", "python3 Tools/penguin/nothing.py", "./penguin logs [--nothing]", "python3 -m penguin.nothing x",
            "swift test --filter NothingTests", "swift build --target Deliveries", "./penguin test --filter NothingTests",
        ):
            self.assertEqual(len(self.faults(command)), 1, command)

    def test_curl(self):
        for command in (
            'curl -sS --cacert .local/ca.pem "$api/api/v1/leads" -H "$key" -d \'{"email": "a@b.example"}\'',
            "curl https://localhost:8443/api/v1/status", "curl -X PATCH https://localhost:8443/api/v1/leads/0192 -d @x", "curl -I https://localhost/api/v1/status",
            'page=$(curl -G "$api/api/v1/leads" -d limit=200) || exit', "curl https://elsewhere.org/api/v1/nothing", "curl http://127.0.0.1:9090/readyz",
        ):
            self.assertEqual(self.faults(command), [], command)

    def test_what_nobody_would_answer(self):
        for command in (
            "curl https://localhost:8443/api/v1/penguins", 'curl "$api/api/v1/plans" -d x=y', "curl -X DELETE $api/api/v1/plans",
            'x=$(curl -sS "$api/api/v1/penguins" | jq .)', "curl -G $api/api/v1/auth/sign-in -d a=b",
        ):
            self.assertEqual(len(self.faults(command)), 1, command)


class TextTests(unittest.TestCase):
    def test_commands_are_lines_of_shells_and_spans_of_ours(self):
        text = "```\n# words\n$ a b \\\n  c # d\n```\n```swift\nlet x = 1\n```\n`./penguin up` `else`\n"
        found = [(piece.text, piece.line) for piece in Document(None, text).commands()]
        self.assertEqual(found, [("a b    c # d", 3), ("./penguin up", 9)])

    def test_words(self):
        self.assertEqual(words("a 'b c' | d # e"), ["a", "b c", "|", "d"])
        self.assertEqual(words("a 'b"), ["a", "'b"])


if __name__ == "__main__":
    unittest.main()
