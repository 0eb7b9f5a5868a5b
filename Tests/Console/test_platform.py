"""What the operator's people do: queues are paused with a reason, companies suspended, incidents told; and what other roles do not see."""

import unittest

import people
from browser import Visit

QUEUE = "/dashboard/system/queues/analytics%3Adaily-aggregate"


class PlatformTests(unittest.TestCase):
    def test_a_queue_is_paused_with_a_reason_and_resumed(self):
        with Visit(people.of("ops")) as visit:
            page = visit.open(QUEUE, ".stats")
            try:
                page.get_by_role("button", name="Pause", exact=True).click()
                page.get_by_label("Reason").fill(people.HOSTILE)
                page.locator("dialog button.danger").click()
                page.wait_for_selector(".banner:has-text('Paused by')")
                self.assertIn(people.HOSTILE, page.locator("main .banner").inner_text())
                page.goto(page.url.rsplit("/", 1)[0])
                page.wait_for_selector("main .note:has-text('Paused: analytics:daily-aggregate')")
            finally:
                people.of("ops").api.post("/api/v1/platform/system/queues/analytics:daily-aggregate/resume")
            page.wait_for_selector("main .badge:has-text('Paused')", state="detached")
            self.assertEqual(visit.faults + visit.refused(), [])

    def test_updates_come_by_themselves_and_can_be_stopped(self):
        with Visit(people.of("ops")) as visit:
            page = visit.open("/dashboard/system/queues", "pm-table")
            page.wait_for_selector("text=Live")
            page.keyboard.press("p")
            page.wait_for_selector("text=Stopped")
            page.get_by_role("button", name="Go on").click()
            page.wait_for_selector("text=Live")

    def test_support_looks_and_does_not_touch(self):
        with Visit(people.of("support")) as visit:
            page = visit.open(QUEUE, ".stats")
            self.assertEqual(page.get_by_role("button", name="Pause", exact=True).count(), 0)
            visit.open("/dashboard/finance")
            self.assertIn("You may not see this", page.locator("main").inner_text())
            visit.open("/dashboard/system/status", "pm-table")
            self.assertEqual(page.get_by_role("button", name="Open an incident").count(), 0)

    def test_a_company_is_suspended_with_a_reason_and_reopened(self):
        company = people.journey().api.get("/api/v1/auth/session")["tenant"]["id"]
        with Visit(people.of("super_admin"), allowed=(r"status of 400",)) as visit:
            page = visit.open(f"/dashboard/tenants/{company}", ".usage")
            page.get_by_role("button", name="Suspend").click()
            page.get_by_label("Reason").fill("short")
            page.locator("dialog button.danger").click()
            page.wait_for_selector("dialog [role=alert]")
            self.assertEqual(page.get_by_label("Reason").input_value(), "short")
            page.get_by_label("Reason").fill("Sends phishing, ticket 4711")
            page.locator("dialog button.danger").click()
            page.wait_for_selector("main .banner:has-text('ticket 4711')")
            page.get_by_role("button", name="Reopen").click()
            page.locator("dialog button.primary").click()
            page.wait_for_selector("main .banner", state="detached")
            self.assertEqual(visit.faults, [])

    def test_what_is_said_of_an_incident_is_public(self):
        with Visit(people.of("ops")) as visit:
            page = visit.open("/dashboard/system/status?open=new", "dialog form")
            page.get_by_label("Title").fill(f"Late {people.HOSTILE}")
            page.get_by_label("What to say").fill("We look into it.")
            page.get_by_role("button", name="Publish").click()
            page.wait_for_selector("dialog", state="detached")
            page.locator("button:has-text('Late')").first.click()
            page.get_by_label("What to say").fill("It is over.")
            page.locator("dialog select").select_option("resolved")
            page.get_by_role("button", name="Resolve").click()
            page.wait_for_selector("dialog .timeline li:nth-child(2)")
            self.assertEqual(visit.faults, [])


if __name__ == "__main__":
    unittest.main()
