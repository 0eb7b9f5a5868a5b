"""The list of those who are not written to, as it is used: added by keys, found by what blocks an address, imported, taken off with a reason; and the operator's."""

import time
import unittest
from functools import cache

import people
from browser import Visit
from keyboard import Keyboard

PLACE = "/dashboard/leads/suppressions"
# Refusals that a test asks for are written to the console by the browser itself.
REFUSED = (r"status of 4\d\d",)


@cache
def owner():
    """Somebody whose list is changed by these tests alone."""
    made = people.journey()
    return people.Person(made.api, address=made.address, password=made.password)


class SuppressionTests(unittest.TestCase):
    def visit(self, person=None):
        visit = Visit(person or owner(), allowed=REFUSED)
        self.addCleanup(visit.close)
        self.addCleanup(lambda: self.assertEqual(visit.faults + visit.refused(), []))
        return visit, visit.page

    def test_addresses_are_added_by_keys_and_found_by_what_blocks_them(self):
        visit, page = self.visit()
        visit.open(PLACE, ".empty, pm-table")
        keys = Keyboard(visit).press("c")
        page.wait_for_selector("dialog[open] form")
        self.assertEqual(visit.axe(), [])
        page.keyboard.type("ada@example.com, nonsense")
        keys.reach("Add 2").press("Enter")
        page.locator("dialog .error", has_text="“nonsense” is neither").wait_for()
        keys.type("ada@example.com\n@blocked.example").fill("Note", people.HOSTILE).reach("Add 2").press("Enter")
        page.locator("pm-table td.main", has_text="@blocked.example").wait_for()
        page.locator(".toast", has_text="2 entries added.").wait_for()
        page.keyboard.press("/")
        page.keyboard.type("bob@blocked")
        page.keyboard.type(".example")
        page.wait_for_url("**address=bob%40blocked.example")
        page.locator("pm-table td.main", has_text="ada@example.com").wait_for(state="detached")
        self.assertIn("@blocked.example", page.locator("pm-table").inner_text())
        page.reload()
        visit.settle("pm-table")
        self.assertEqual(page.locator("tr[data-row]").count(), 1)
        self.assertIn(people.HOSTILE, page.locator("pm-table").inner_text())

    def test_a_file_is_imported_and_says_what_it_could_not_read(self):
        visit, page = self.visit()
        visit.open(f"{PLACE}?open=import", "dialog[open] .drop")
        content = "email,reason\ngrace@example.com,complaint\nnonsense,manual\n"
        page.set_input_files("dialog input[type=file]", {"name": "list.csv", "mimeType": "text/csv", "buffer": content.encode()})
        page.locator("dialog [role=status]", has_text="1 entry added").wait_for()
        self.assertIn("Line 3", page.locator("dialog").inner_text())

    def test_what_somebody_asked_for_is_taken_off_with_a_reason(self):
        owner().api.post("/api/v1/suppressions", {"address": "mary@example.com", "reason": "complaint"})
        visit, page = self.visit()
        visit.open(f"{PLACE}?address=mary%40example.com", "pm-table")
        page.get_by_role("button", name="Take off").click()
        page.locator("dialog button.danger").click()
        self.assertTrue(page.locator("dialog[open]").is_visible())
        page.fill("dialog [name=reason]", "She asked to hear from us again")
        page.locator("dialog button.danger").click()
        page.locator(".empty", has_text="Nothing matches").wait_for()

    def test_a_viewer_sees_and_changes_nothing(self):
        visit, page = self.visit(people.of("viewer"))
        visit.open(PLACE, ".empty, pm-table")
        self.assertEqual(page.locator("main .head button, main .head a").count(), 0)

    def test_the_operators_list_is_kept_by_ops_and_seen_by_support(self):
        address = f"trap-{int(time.time())}@trap.example"
        visit, page = self.visit(people.of("ops"))
        visit.open("/dashboard/system/suppressions?open=new", "dialog[open] form")
        page.fill("dialog textarea", address)
        page.locator("dialog button.primary").click()
        page.locator("pm-table tr", has_text=address).get_by_role("button", name="Take off").click()
        page.fill("dialog [name=reason]", "The trap is gone")
        support, theirs = self.visit(people.of("support"))
        support.open("/dashboard/system/suppressions", "pm-table")
        self.assertEqual(theirs.locator("main .head button, main td button").count(), 0)
        page.locator("dialog button.danger").click()
        page.locator("pm-table tr, .empty", has_text=address).wait_for(state="detached")

    def test_a_hold_is_let_go_with_a_reason(self):
        visit, page = self.visit(people.of("ops"))
        tenant = "019aca58-7c19-736b-871a-d4b526e3c00a"
        one = {"scope": "domain", "subject": "acme.example", "name": "acme.example", "score": 41, "band": "red", "accepted": 1840, "bounces": 10, "complaints": 3, "unsubscribes": 12, "is_listed": False, "hold": "pause", "checked_at": "2026-11-24T10:30:00.000Z", "tenant": tenant}
        page.route("**/api/v1/platform/system/reputation?*", lambda route: route.fulfill(json={"data": [one], "page": {"next": None}}))
        sent = []
        page.route("**/reputation/release", lambda route: (sent.append(route.request.post_data_json), route.fulfill(json={})))
        visit.open("/dashboard/system/reputation", "pm-table")
        self.assertEqual(visit.axe(), [])
        page.get_by_role("button", name="Let it send").click()
        page.locator("dialog", has_text="3 complaints of 1,840 mails").wait_for()
        page.fill("dialog [name=reason]", "The list was cleaned")
        page.locator("dialog button.danger").click()
        page.wait_for_selector("dialog", state="detached")
        self.assertEqual(sent, [{"tenant": tenant, "scope": "domain", "domain": "acme.example", "reason": "The list was cleaned"}])


if __name__ == "__main__":
    unittest.main()
