"""The settings of a trail as they are used: a hold is placed and released with its number, copies go elsewhere, what was not taken in is taken in; and who may not."""

import unittest
from functools import cache

import people
from browser import Visit, ground
from keyboard import Keyboard

PLACE = "/dashboard/audit/settings"
# Refusals that a test asks for are written to the console by the browser itself.
REFUSED = (r"status of 4\d\d",)


@cache
def owner():
    """Somebody whose trail is settled by these tests alone."""
    made = people.journey()
    return people.Person(made.api, address=made.address, password=made.password, journey=made)


class TrailSettingsTests(unittest.TestCase):
    def visit(self, person=None, **options):
        visit = Visit(person or owner(), allowed=REFUSED, **options)
        self.addCleanup(visit.close)
        self.addCleanup(lambda: self.assertEqual(visit.faults + visit.refused(), []))
        return visit, visit.page

    def test_a_hold_is_placed_and_released_by_keys_alone(self):
        visit, page = self.visit()
        visit.open(PLACE, ".checks")
        page.get_by_text("Nothing passes out of sight in the next 30 days.").wait_for()
        keys = Keyboard(visit).press("c")
        page.wait_for_selector("dialog[open] form")
        page.locator("dialog [role=status]", has_text="shown now stay").wait_for()
        self.assertEqual(visit.axe(), [])
        keys.type("short").reach("Place the hold").press("Enter")
        page.locator("dialog .error", has_text="At least 10 characters").wait_for()
        self.assertEqual(page.locator("dialog textarea").input_value(), "short")
        keys.type(f"Case 12 {people.HOSTILE}").reach("Place the hold").press("Enter")
        page.wait_for_selector("dialog", state="detached")
        page.locator("pm-table td.main", has_text=people.HOSTILE).wait_for()
        self.assertIn("The whole trail", page.locator("pm-table").inner_text())
        self.assertIn("Ada Example", page.locator("pm-table").inner_text())
        keys.reach("Release").press("Enter")
        page.locator("dialog", has_text="Nothing is older than your plan keeps now").wait_for()
        keys.reach("Release").press("Enter")
        page.locator("pm-table .badge", has_text="Ending").wait_for()

    def test_a_draft_of_a_hold_outlives_a_reload(self):
        visit, page = self.visit()
        visit.open(f"{PLACE}?tab=holds&open=new", "dialog[open] form")
        page.fill("dialog textarea", "The authority asked for it")
        page.reload()
        visit.settle("dialog[open] form")
        self.assertEqual(page.locator("dialog textarea").input_value(), "The authority asked for it")

    def test_what_lapses_soon_is_named_with_its_number(self):
        visit, page = self.visit()
        page.route("**/api/v1/audit/retention", lambda route: route.fulfill(json={"retention": "d90", "days": 90, "visible_from": "2026-01-01T09:30:00.000Z"}))
        page.route("**/api/v1/audit/events?from=*", lambda route: route.fulfill(json={"data": [], "page": {"next": None}, "total": {"relation": "gte", "value": 10000}, "window": {}}))
        page.route("**/api/v1/audit/holds?*", lambda route: route.fulfill(json={"data": [], "page": {"next": None}}))
        visit.open(PLACE, ".hint.warn")
        said = page.locator(".hint.warn").inner_text()
        self.assertIn("More than 10,000 entries of 1 Jan 2026 to 30 Jan 2026 (UTC) pass out of sight", said)
        page.get_by_role("link", name="Look at them").click()
        page.wait_for_url("**/dashboard/audit?from=2026-01-01&to=2026-01-30")

    def test_signed_states_are_sent_elsewhere(self):
        visit, page = self.visit()
        visit.open(f"{PLACE}?tab=copies", ".empty")
        page.get_by_role("button", name="Choose where").click()
        page.locator("dialog select").select_option("mail")
        page.get_by_label("Mail address").fill("auditor@example.com")
        page.get_by_role("button", name="Send them there").click()
        page.locator(".facts", has_text="auditor@example.com").wait_for()
        page.get_by_role("button", name="Send now").click()
        page.locator("main [role=status], .toast", has_text="arrived").or_(page.locator(".toast.bad")).first.wait_for()
        page.get_by_role("button", name="Change").click()
        page.locator("dialog select").select_option("webhook")
        page.get_by_label("Address", exact=True).fill("http://archive.example.com/trail")
        page.get_by_role("button", name="Send them there").click()
        page.wait_for_selector("dialog [role=alert], dialog .error")
        self.assertEqual(page.get_by_label("Address", exact=True).input_value(), "http://archive.example.com/trail")
        page.get_by_role("button", name="Close").click()
        page.get_by_role("button", name="Stop sending").click()
        page.locator("dialog button.danger").click()
        page.locator(".empty", has_text="Only we have your signed states").wait_for()

    def test_a_failing_copy_says_since_when_and_why(self):
        visit, page = self.visit()
        page.route("**/api/v1/audit/checkpoint-delivery", lambda route: route.fulfill(json={
            "kind": "webhook", "url": "https://archive.example.com/trail", "set_by": "user:gone", "set_at": "2026-11-01T00:00:00Z", "next_at": "2100-01-01T00:00:00Z",
            "failure": f"it answered 500 {people.HOSTILE}", "failing_since": "2026-11-20T08:00:00Z"}))
        visit.open(f"{PLACE}?tab=copies", ".hint.bad")
        self.assertIn(people.HOSTILE, page.locator(".hint.bad").inner_text())
        self.assertIn("20 Nov 2026", page.locator(".hint.bad").inner_text())
        self.assertIn("Somebody who left", page.locator(".facts").inner_text())

    def test_the_secret_of_a_webhook_is_shown_once(self):
        visit, page = self.visit()
        made = {"kind": "webhook", "url": "https://archive.example.com/trail", "set_by": "user:x", "set_at": "2026-11-01T00:00:00Z", "next_at": "2026-11-01T00:00:00Z"}
        page.route("**/api/v1/audit/checkpoint-delivery", lambda route: (
            route.fulfill(json={**made, "secret": "whsec_once"}) if route.request.method == "PUT" else route.fulfill(status=404, json={"type": "/problems/not_found", "title": "None"})))
        visit.open(f"{PLACE}?tab=copies&open=copy", "dialog[open] form")
        page.get_by_label("Address", exact=True).fill("https://archive.example.com/trail")
        page.get_by_role("button", name="Send them there").click()
        page.locator("dialog pre", has_text="whsec_once").wait_for()
        page.get_by_role("button", name="I have kept it").click()
        page.locator(".facts", has_text="archive.example.com").wait_for()
        self.assertNotIn("whsec_once", page.content())

    def test_what_was_not_taken_in_is_seen_and_taken_in(self):
        tenant = owner().api.get("/api/v1/auth/session")["tenant"]["id"]
        people.untaken(tenant, "list.update")
        bad = people.untaken(tenant)
        self.addCleanup(ground().sql, f"delete from audit.quarantined_events where event_id = '{bad}'")
        visit, page = self.visit()
        visit.open(f"{PLACE}?tab=waiting", "pm-table")
        self.assertIn("2 acts could not become an entry yet", page.locator("main .note").all_inner_texts()[-1])
        other, theirs = self.visit(people.of("ops"))
        other.open("/dashboard/system/trail", "pm-table")
        theirs.get_by_role("button", name="Take in again").click()
        theirs.wait_for_selector("dialog select")
        self.assertEqual(other.axe(), [])
        theirs.locator("dialog button.primary").click()
        theirs.locator(".toast", has_text="still refused").wait_for()
        page.reload()
        page.locator("main .note", has_text="1 act could").wait_for()
        theirs.locator("tr", has_text=tenant[:8]).first.get_by_role("button", name="Take in").click()
        theirs.locator(".toast.bad").wait_for()

    def test_an_admin_reads_holds_and_places_none_and_a_member_sees_nothing(self):
        person = owner()

        def be(role):
            ground().sql(f"update users.tenant_users set roles = '{{{role}}}' where email = '{person.address}'")
            person.api.post("/api/v1/auth/sign-in", {"email": person.address, "password": person.password})
        self.addCleanup(be, "owner")
        be("admin")
        visit, page = self.visit()
        visit.open(f"{PLACE}?tab=holds", "pm-table, .empty")
        self.assertEqual(page.get_by_role("button", name="New hold").count(), 0)
        page.keyboard.press("c")
        self.assertEqual(page.locator("dialog").count(), 0)
        be("member")
        visit, page = self.visit()
        visit.open(PLACE)
        page.get_by_text("You may not see this").wait_for()
        support, theirs = self.visit(people.of("support"))
        support.open("/dashboard/system/trail")
        theirs.get_by_text("You may not see this").wait_for()


if __name__ == "__main__":
    unittest.main()
