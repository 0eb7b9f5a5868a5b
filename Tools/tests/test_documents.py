"""What single documents say that can be compared: types of problems, Stripe's events, routes and codes are those of the code. The rest is penguin.docs."""

import re
import unittest

from penguin import problems
from penguin.layout import ROOT

API = ROOT / "docs" / "api.md"
GUIDE = ROOT / "docs" / "technical" / "integrations" / "stripe.md"
TENANT_API = ROOT / "docs" / "implementation-technical" / "api" / "tenant-api" / "billing.md"
EVENTS = ROOT / "Services" / "Billing" / "Webhooks" / "EventWork.swift"
SETTINGS = ROOT / "Services" / "Billing" / "Stripe" / "StripeSettings.swift"
DOMAIN_GUIDE = ROOT / "docs" / "freelancer-support" / "tutorials" / "domain-setup.md"
CONSOLE = ROOT / "Gateway" / "Console" / "app.js"
ROUTING_MAP = ROOT / "docs" / "design" / "frontend-routing-map.md"
FINDINGS = ROOT / "Services" / "Delivery" / "Domains" / "DomainFinding.swift"


class DocumentTests(unittest.TestCase):
    def test_the_routing_map_has_each_page_of_the_console_and_no_other(self):
        source = CONSOLE.read_text().partition("const ROUTES = [")[2].partition("\n];")[0]
        pages = {("/dashboard/workspaces/:slug" if kind == "ws" else "") + path: module for kind, path, module in re.findall(
            r"^  (page|open|ws)\('([^']*)', '([^']+)'", source, re.MULTILINE)}
        self.assertGreater(len(pages), 40)
        text = ROUTING_MAP.read_text()
        told = {path: screen for paths, screen in re.findall(r"^\| (`/dashboard.*?) \|.*\| `(.*)\.js` \|$", text, re.MULTILINE)
                for path in re.findall(r"`([^`]+)`", paths)}
        self.assertEqual(told, {path: module for path, module in pages.items() if path.startswith("/dashboard")})
        for path in pages:
            self.assertIn(f"`{path}`", text)

    def test_the_guide_to_the_api_names_each_type_of_problem_and_no_other(self):
        made = {problem.kind for problem in [*problems.LOCATIONS.values(), *problems.REFUSALS.values(), problems.FORBIDDEN, problems.TOO_LONG]}
        for folder in ("Services", "Shared/HTTP", "Shared/Runtime"):
            for path in (ROOT / folder).rglob("*.swift"):
                made |= set(re.findall(r'kind: "([a-z_]+)",\s*title:', path.read_text()))
        told = re.findall(r"^\| `([a-z_]+)` \| \d{3}", API.read_text(), re.MULTILINE)
        self.assertEqual(len(told), len(set(told)))
        # Nile's own word, which never becomes a problem document.
        self.assertEqual(set(told), made - {"csrf"})

    def test_the_guide_names_each_event_that_billing_acts_on_and_no_other(self):
        known = set(re.findall(r'"((?:[a-z_]+\.)+[a-z_]+)"', EVENTS.read_text()))
        known |= {"account.application.deauthorized"}
        table = GUIDE.read_text().partition("Endpoint A,")[2].partition("Staff (finance")[0]
        told = set()
        for line in re.findall(r"^\| (`.*?) \|", table, re.MULTILINE):
            names = re.findall(r"`([a-z_.]+)`", line)
            told |= {name if not name.startswith(".") else names[0].rpartition(".")[0] + name for name in names}
        self.assertEqual(told, known)

    def test_the_guide_names_each_setting(self):
        keys = re.findall(r'ConfigurationKey\(\s*"(stripe\.[a-z.]+)"', SETTINGS.read_text())
        self.assertGreater(len(keys), 4)
        for key in keys:
            self.assertIn(f"`{key.upper().replace('.', '_')}`", GUIDE.read_text())

    def test_each_route_of_a_tenant_is_described(self):
        sources = "".join(path.read_text() for path in (ROOT / "Services" / "Billing" / "Routes").glob("*.swift") if "Finance" not in path.name)
        routes = set(re.findall(r'"/api/v1/billing/([a-z/-]+)"', sources)) - {"connect"}
        routes |= {f"connect/{name}" for name in re.findall(r'connect\.(?:get|post)\("([a-z/-]+)"', sources)}
        self.assertGreater(len(routes), 10)
        text = TENANT_API.read_text()
        for route in sorted(routes):
            with self.subTest(route):
                self.assertRegex(text, rf"[ `/]{re.escape(route)}[`,]")

    def test_the_domain_guide_explains_each_code_and_no_other(self):
        known = set(re.findall(r'= "([a-z_]+)"', FINDINGS.read_text()))
        self.assertGreater(len(known), 30)
        told = re.findall(r"^\| \*?`([a-z]+_[a-z_]+)`\*? \|", DOMAIN_GUIDE.read_text(), re.MULTILINE)
        self.assertEqual(sorted(told), sorted(known | {"domain_not_added", "domain_not_verified"}))

    def test_the_domain_guide_names_advice_as_such(self):
        remedies = (ROOT / "Services" / "Delivery" / "Domains" / "DomainFinding+Remedies.swift").read_text()
        cases = re.findall(r"\.(\w+)", remedies.partition("switch self {")[2].partition("false")[0])
        names = dict(re.findall(r'case (\w+) = "([a-z_]+)"', FINDINGS.read_text()))
        told = re.findall(r"^\| \*`([a-z_]+)`\* \|", DOMAIN_GUIDE.read_text(), re.MULTILINE)
        self.assertEqual(sorted(told), sorted(names[case] for case in cases))
