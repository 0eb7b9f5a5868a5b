"""What is done with leads: a file comes in and is taken back, many are changed at once, a segment is built by keyboard, a template is written."""

import time
import unittest
import urllib.parse

import people
from browser import Visit
from penguin.terminal import wait_until

# The browser itself writes a line for each refused request.
REFUSED = (r"Failed to load resource: the server responded with a status of (409|412|422)",)


def unique(name):
    return f"{name} {time.time_ns()}"


class LeadsTests(unittest.TestCase):
    def visit(self):
        self.person = people.full()
        visit = Visit(self.person, allowed=REFUSED)
        self.addCleanup(lambda: self.assertEqual(visit.faults, []))
        self.addCleanup(visit.close)
        return visit

    def path(self, text):
        return text.format(**vars(self.person.ids))

    def test_a_file_comes_in_with_its_reasons_and_is_taken_back(self):
        visit = self.visit()
        page = visit.open(self.path("/dashboard/leads/import?workspace={slug}"))
        host = f"import{time.time_ns()}.example.org"
        rows = ["E-mail;Vorname;Stadt", f"ada@{host};Ada;Oslo", f"bo@{host};<b>Bo</b>;Rom", f"ada@{host};Ada;Oslo", "nobody@;X;Y", ";Y;Z"]
        page.set_input_files("input[type=file]", {"name": "fair.csv", "mimeType": "text/csv", "buffer": "\n".join(rows).encode()})
        page.get_by_label("Stadt becomes").select_option("email")
        page.wait_for_selector("text=Two columns are E-mail")
        self.assertTrue(page.get_by_role("button", name="Preview").is_disabled())
        page.get_by_label("Stadt becomes").select_option("skip")
        page.get_by_role("button", name="Preview").click()
        page.wait_for_selector("text=E-mail invalid: 1 row")
        page.get_by_label("Tags for all").fill("fair, spring time")
        page.get_by_role("button", name="Start import").click()
        page.wait_for_selector(".badge:has-text('Completed')")
        whole = page.locator(".parts svg").get_attribute("aria-label")
        self.assertEqual(whole, "Rows: 2 Added, 0 Updated, 1 Skipped, known, 2 Rejected; 5 in all")
        page.wait_for_selector("text=E-mail missing: 1 row")
        self.assertIn("fair, spring time", page.locator(".facts").inner_text())
        with page.expect_download() as download:
            page.get_by_role("link", name="Rejected rows as CSV").click()
        self.assertIn("email_missing", download.value.path().read_text(encoding="utf-8"))
        page.get_by_role("button", name="Take back").click()
        self.assertIn("2 added leads go", page.locator("dialog").inner_text())
        page.locator("dialog").get_by_role("button", name="Take back").click()
        page.wait_for_selector("text=Taken back: 2.")

    def test_many_are_changed_at_once_and_their_number_is_named(self):
        visit = self.visit()
        page = visit.open(self.path("/dashboard/leads?workspace={slug}&status=active"), "td.main")
        page.get_by_label("Select all shown").click()
        page.get_by_role("button", name="Choose all that match").click()
        page.wait_for_selector(".bulk b:not(:has-text('50 leads'))")
        page.locator(".bulk").get_by_role("button", name="Add tags").click()
        page.get_by_label("Tags", exact=True).fill("green, <i>farm</i>")
        self.assertRegex(page.locator("dialog h2").inner_text(), r"^Add tags: \d+ leads$")
        page.locator("dialog button.primary").click()
        page.wait_for_selector(".toast:has-text('leads changed')")
        page.locator("a.badge:has-text('<i>farm</i>')").first.click()
        page.wait_for_url(lambda url: urllib.parse.quote("<i>farm</i>", safe="") in url)

    def test_what_is_typed_of_a_lead_survives_a_change_by_somebody_else_and_a_reload(self):
        visit = self.visit()
        page = visit.open(self.path("/dashboard/leads?workspace={slug}&open={lead}"), "pm-lead form")
        path = self.path("/api/v1/leads/{lead}")
        page.evaluate(
            """async (path) => { const { csrf_token: token } = await (await fetch('/api/v1/auth/csrf')).json();
                await fetch(path, { method: 'PATCH', headers: { 'Content-Type': 'application/json', 'X-CSRF-Token': token, 'If-Match': '*' }, body: JSON.stringify({ last_name: `N${Date.now()}` }) }); }""", path)
        page.get_by_label("Company", exact=True).fill("Typed & kept")
        page.locator("pm-lead").get_by_role("button", name="Save").click()
        page.wait_for_selector("pm-lead .problem")
        page.reload()
        page.wait_for_selector("pm-lead form")
        self.assertEqual(page.get_by_label("Company", exact=True).input_value(), "Typed & kept")
        page.locator("pm-lead").get_by_role("button", name="Save").click()
        page.wait_for_selector(".toast:has-text('Saved.')")
        self.assertEqual(self.person.api.get(path)["company"], "Typed & kept")

    def test_a_segment_is_built_by_keyboard_and_says_who_fits(self):
        visit = self.visit()
        page = visit.open("/dashboard/leads/segments/new", ".tree")
        page.evaluate("(slug) => localStorage.setItem('pm:workspace', JSON.stringify(slug))", self.person.ids.slug)
        page.reload()
        page.wait_for_selector(".tree")
        name = unique("Farms")
        page.get_by_label("Name", exact=True).fill(name)
        page.get_by_label("Value", exact=True).fill("green")
        page.wait_for_selector("text=leads fit now")
        page.get_by_role("button", name="Exclusion").press("Enter")
        inner = page.get_by_role("group", name="Group: None of these holds")
        inner.get_by_label("Field").select_option("email_domain")
        inner.get_by_label("Value", exact=True).fill("office.test")
        inner.get_by_role("button", name="Move up this condition").press("Enter")
        self.assertEqual(page.evaluate("document.activeElement.dataset.go"), "up", "the focus goes with what is moved")
        page.keyboard.press("Enter")
        self.assertEqual(inner.locator("[data-node]").count(), 0)
        page.get_by_role("button", name="Create segment").press("Enter")
        page.wait_for_selector("text=Fill in each condition, or remove it.")
        page.get_by_role("button", name="Remove this group").press("Enter")
        page.get_by_role("button", name="Create segment").press("Enter")
        page.wait_for_url("**/segments/01*")
        page.wait_for_selector(f"h1:has-text('{name}')")
        saved = self.person.api.get("/api/v1/segments/" + page.url.rpartition("/")[2])
        self.assertEqual([one["field"] for one in saved["filter"]["all"]], ["email_domain", "company"])

    def test_a_template_is_written_seen_as_a_lead_and_taken_back(self):
        visit = self.visit()
        page = visit.open(self.path("/dashboard/workspaces/{slug}/templates/new"), "textarea")
        name = unique("Autumn <b>")
        page.get_by_label("Name", exact=True).fill(name)
        page.get_by_label("Text", exact=True).focus()
        page.keyboard.press("Control+Home")
        page.locator("form summary").click()
        page.locator("form .sheet").get_by_role("button", name="Company", exact=True).click()
        wait_until("The mark in the text", lambda: page.evaluate("document.activeElement.name === 'text' && document.activeElement.selectionEnd > document.activeElement.selectionStart"), 5)
        page.keyboard.type("your firm")
        self.assertTrue(page.get_by_label("Text", exact=True).input_value().startswith("{{company|your firm}}"))
        page.get_by_role("button", name="Create template").click()
        page.wait_for_url("**/templates/01*")
        page.get_by_label("Subject", exact=True).fill("{{first_nam}}")
        page.wait_for_selector("text=There is no field first_nam")
        page.get_by_role("button", name="Save").click()
        page.wait_for_selector("text=Version 2, changed")
        page.get_by_role("link", name="Versions").click()
        page.get_by_role("link", name="Version 1", exact=True).click()
        page.wait_for_selector("dialog .diff ins:has-text('{{first_nam}}')")
        page.get_by_role("button", name="Restore this version").click()
        page.get_by_role("button", name="Restore", exact=True).click()
        page.wait_for_selector("text=Version 3, changed")
        self.assertEqual(page.get_by_label("Subject", exact=True).input_value(), "{{first_name|Hello}}, a question")


if __name__ == "__main__":
    unittest.main()
