"""What the company's mail does: what is noticed, who is left out of that, and mails of which nobody knows whether they arrived."""

import unittest

import people
from browser import Visit
from penguin.terminal import wait_until
from playwright.sync_api import expect

UNCLEAR = "/dashboard/unclear"


def _with_certificate(certificate):
    def answer(route):
        found = route.fetch()
        route.fulfill(response=found, json={**found.json(), "tracking_certificate": certificate})
    return answer


class SendingTests(unittest.TestCase):
    def setUp(self):
        self.person = people.full()
        self.api = self.person.api
        self.visit = Visit(self.person)
        self.addCleanup(self.visit.close)

    def tearDown(self):
        self.assertEqual(self.visit.faults + self.visit.refused(), [])

    def test_what_is_noticed_is_switched_and_the_builder_says_what_that_means(self):
        builder = "/dashboard/workspaces/{slug}/campaigns/{sequence}/edit".format(**vars(self.person.ids))
        page = self.visit.open(builder, "[data-unnoticed]")
        self.assertIn("The company notices no opens", page.locator("[data-unnoticed]").inner_text())
        page.get_by_role("link", name="Sending settings").click()
        opens = page.get_by_label("Notice opened mails")
        for wanted in (True, False):
            opens.click()
            page.locator(".toast", has_text="Saved.").first.wait_for()
            expect(opens).to_be_checked(checked=wanted)
            self.assertEqual(self.api.get("/api/v1/tracking/settings"), {"opens": wanted, "clicks": True, "hidden_link": True})
            page.get_by_role("button", name="Dismiss").first.click()
            if wanted:
                other = Visit(self.person)
                self.addCleanup(other.close)
                other.open(builder, "#checks")
                expect(other.page.locator("[data-unnoticed]")).to_have_count(0)

    def test_people_are_left_out_and_noticed_again(self):
        self.visit.allowed = (r"status of 400",)
        page = self.visit.open("/dashboard/settings/sending", "pm-table")
        page.get_by_label("Leave out").fill("ada@left.example, not an address\nbo@left.example")
        page.get_by_role("button", name="Leave them out").click()
        page.wait_for_selector("form .error")
        self.assertIn("ada@left.example", page.get_by_label("Leave out").input_value())
        page.get_by_label("Leave out").fill("ada@left.example,\nbo@left.example")
        page.get_by_role("button", name="Leave them out").click()
        page.locator("[data-row]", has_text="bo@left.example").wait_for()
        page.get_by_role("button", name="Notice again ada@left.example").click()
        page.locator("dialog").get_by_role("button", name="Notice again").click()
        expect(page.locator("[data-row]", has_text="ada@left.example")).to_have_count(0)
        listed = [one["address"] for one in self.api.get("/api/v1/tracking/opt-outs")["data"]]
        self.assertIn("bo@left.example", listed)
        self.assertNotIn("ada@left.example", listed)

    def test_the_certificate_of_the_tracking_host_is_told(self):
        path = "/dashboard/workspaces/{slug}/domains/{domain}".format(**vars(self.person.ids))
        page = self.visit.open(path, ".steps")
        # This stack orders none; what others say is put into the answer.
        expect(page.locator(".card", has_text="Certificate of the tracking host")).to_contain_text("Not on this installation")
        issued = {"host": "track.left.example", "state": "issued", "detail": "It is valid.", "is_used": True, "issued_at": "2026-01-01T00:00:00Z", "expires_at": "2100-01-01T00:00:00Z", "renews_at": "2099-12-01T00:00:00Z"}
        failing = {"host": "track.left.example", "state": "failing", "detail": people.HOSTILE, "is_used": False, "next_attempt_at": "2100-01-01T00:00:00Z"}
        for certificate, words in ((issued, ("Valid", "It is valid.", "Under this host", "Expires", "Renewed")), (failing, ("Not there yet", people.HOSTILE, "Under the platform’s host", "Tried next"))):
            page.route(f"**/api/v1/domains/{self.person.ids.domain}", _with_certificate(certificate))
            card = self.visit.open(path, ".steps").locator(".card", has_text="Certificate of the tracking host")
            for word in words:
                expect(card).to_contain_text(word)

    def test_who_may_only_look_switches_nothing(self):
        with Visit(people.viewer()) as visit:
            page = visit.open("/dashboard/settings/sending", ".card [role=switch]")
            self.assertEqual(page.locator("main :is([role=switch], select):not(:disabled)").count(), 0)
            self.assertEqual(page.locator("main button").count(), 0)
            page = visit.open(UNCLEAR, ".empty")
            self.assertEqual(visit.faults, [])

    # Mails that may have arrived

    def fates(self):
        return {one["recipient"].partition("@")[0] for one in self.api.get("/api/v1/sends/ambiguous")["data"]}

    def test_unclear_mails_are_found_by_campaign_and_account(self):
        page = self.visit.open("/dashboard/workspaces/{other}/campaigns/{unclear}".format(**vars(self.person.ids)), ".checks .warn")
        page.get_by_role("link", name="Show unclear mails").click()
        page.wait_for_url(f"**{UNCLEAR}?campaign={self.person.ids.unclear}")
        expect(page.locator("[data-row]").first).to_contain_text("@elsewhere.example")
        page.get_by_label("Every campaign").select_option("")
        page.get_by_label("Every account").select_option(self.person.ids.mailbox)
        page.locator(".empty", has_text="Nothing matches").wait_for()
        self.assertTrue(page.url.endswith(f"?mailbox={self.person.ids.mailbox}"))
        page.get_by_role("button", name="Clear filters").click()
        expect(page.locator("[data-row]").first).to_contain_text("@elsewhere.example")

    def test_one_is_settled_and_many(self):
        page = self.visit.open(UNCLEAR, "[data-row]")
        page.locator("[data-row]", has_text="drop-a@").locator("summary").click()
        page.get_by_role("button", name="They arrived").click()
        self.assertIn("They arrived: 1 mail", page.locator("dialog h2").inner_text())
        page.locator("dialog").get_by_role("button", name="They arrived").click()
        expect(page.locator("[data-row]", has_text="drop-a@")).to_have_count(0)
        for letter in "bc":
            page.locator("[data-row]", has_text=f"drop-{letter}@").get_by_role("checkbox").check()
        # Somebody else was quicker with one of them.
        taken = next(one["id"] for one in self.api.get("/api/v1/sends/ambiguous")["data"] if one["recipient"].startswith("drop-b@"))
        self.visit.allowed = (r"status of 404",)
        self.api.post(f"/api/v1/sends/{taken}/settle", {"as": "sent"})
        page.locator(".bulk").get_by_role("button", name="Give up").click()
        page.locator("dialog").get_by_role("button", name="Give up").click()
        page.locator(".toast", has_text="1 mail settled, 1 settled before.").wait_for()
        expect(page.locator("[data-row]")).to_have_count(2)
        self.assertEqual(self.fates(), {"drop-d", "drop-e"})

    def test_refused_leads_get_a_copy_of_the_campaign(self):
        place, campaign = "/dashboard/workspaces/{other}/campaigns/{unclear}".format(**vars(self.person.ids)), f"/api/v1/campaigns/{self.person.ids.unclear}"
        for one in self.api.get("/api/v1/sends/ambiguous")["data"]:
            if one["recipient"].startswith("drop-c@"):
                self.api.post(f"/api/v1/sends/{one['id']}/settle", {"as": "not_sent"})
        wait_until("The refusal is known to the campaign", lambda: self.api.get(campaign + "/progress")["failed"], 20)
        refused = [one["lead"] for one in self.api.get(campaign + "/enrolments", status="failed")["data"]]
        page = self.visit.open(place, ".checks .bad")
        page.get_by_role("button", name="Write again").click()
        self.assertIn("Write to 1 lead again", page.locator("dialog h2").inner_text())
        self.assertIn("Nothing goes out before you launch", page.locator("dialog").inner_text())
        page.get_by_role("button", name="Make the draft").click()
        page.wait_for_selector("#checks")
        made = self.api.get("/api/v1/campaigns/" + page.url.split("/")[-2])
        self.assertEqual((made["status"], made["name"]), ("draft", f"{people.HOSTILE} (again)"))
        self.assertEqual([lead["id"] for lead in self.api.get(f"/api/v1/lists/{made['audience']['id']}/leads")["data"]], refused)


if __name__ == "__main__":
    unittest.main()
