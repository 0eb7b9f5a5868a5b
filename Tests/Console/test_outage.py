"""A service is killed while people work: what is shown stays and says how old it is, what is typed is kept, and all goes on without a reload."""

import unittest

import people
from browser import Visit, ground
from playwright.sync_api import expect

CAMPAIGNS = "/dashboard/workspaces/{slug}/campaigns"
# The browser itself writes a line for each failed request.
NETWORK = (r"Failed to load resource", r"net::ERR")
LOST = ".banner.warn"


class OutageTests(unittest.TestCase):
    def setUp(self):
        self.person = people.full()
        self.api = self.person.api

    def open(self, path, wait):
        visit = Visit(self.person, allowed=NETWORK)
        self.addCleanup(visit.close)
        page = visit.open(path.format(**vars(self.person.ids)), wait)
        page.evaluate("globalThis.stayed = true")
        return visit, page

    def test_campaigns_is_killed_and_comes_back(self):
        address = f"typed-in-the-outage@{self.person.journey.domain}"
        draft = self.api.post("/api/v1/campaigns", {"workspace": self.person.ids.workspace, "name": "Before"})["id"]
        watching, progress = self.open(CAMPAIGNS + "/{campaign}", ".parts")
        writing, builder = self.open(CAMPAIGNS + f"/{draft}/edit", "#checks")
        adding, leads = self.open("/dashboard/leads?workspace={slug}&panel=new", "pm-new-lead form")
        name, total = builder.get_by_label("Name of the campaign"), progress.locator(".parts .sum").inner_text()
        email, add = leads.locator("pm-new-lead [name=email]"), leads.get_by_role("button", name="Add lead").last
        with ground().stack.without("campaigns"):
            # Nobody touches the page of the figures: it finds out by itself.
            progress.wait_for_selector(LOST)
            self.assertRegex(progress.locator(LOST).inner_text(), r"Connection lost, showing \d\d:\d\d")
            self.assertEqual(progress.locator(".parts .sum").inner_text(), total)
            name.fill("Typed while it was away")
            builder.wait_for_selector(".problem")
            self.assertEqual(builder.locator("[data-saved]").inner_text(), "Not saved")
            self.assertRegex(builder.locator(".problem code").inner_text(), r"^[0-9a-f]{32}$")
            self.assertEqual(name.input_value(), "Typed while it was away")
            email.fill(address)
            add.click()
            leads.wait_for_selector("pm-new-lead [role=alert]")
            self.assertRegex(leads.locator("pm-new-lead [role=alert] code").inner_text(), r"^[0-9a-f]{32}$")
            self.assertEqual(email.input_value(), address)
        progress.wait_for_selector(LOST, state="detached")
        builder.wait_for_selector("[data-saved]:has-text('Saved ')")
        expect(builder.locator(".problem")).to_have_count(0)
        self.assertEqual(self.api.get(f"/api/v1/campaigns/{draft}")["name"], "Typed while it was away")
        add.click()
        leads.wait_for_selector("pm-new-lead", state="detached")
        self.assertEqual([lead["email"] for lead in self.api.get("/api/v1/leads", workspace=self.person.ids.workspace, q=address)["data"]], [address])
        for visit, page in ((watching, progress), (writing, builder), (adding, leads)):
            self.assertTrue(page.evaluate("globalThis.stayed"))
            self.assertEqual(visit.faults + visit.refused(), [])


if __name__ == "__main__":
    unittest.main()
