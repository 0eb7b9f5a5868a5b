"""What every page has: guards, focus, the keyboard, light and dark, what happens when the API is away."""

import json
import re
import unittest

import people
from browser import Visit, ground

# The browser itself writes a line for each failed request.
NETWORK = (r"Failed to load resource", r"net::ERR")


def cut(page, how="network"):
    """From now on the API does not answer: nobody is there, or the gateway says that the service is not."""
    def answer(route):
        if how == "network":
            return route.abort("connectionrefused")
        problem = {"type": "/problems/bad_gateway", "title": "The service that should answer is not there.", "status": 502, "request_id": "r-502"}
        return route.fulfill(status=502, headers={"Content-Type": "application/problem+json"}, body=json.dumps(problem))
    page.route("**/api/**", answer)


class ShellTests(unittest.TestCase):
    def test_whoever_is_not_signed_in_comes_back_after_signing_in(self):
        person = people.empty()
        with Visit(allowed=NETWORK) as visit:
            page = visit.open("/dashboard/leads?q=ada", "input[type=password]")
            self.assertEqual(page.url, ground().url + "/login?next=%2Fdashboard%2Fleads%3Fq%3Dada")
            page.get_by_label("E-mail").fill(person.address)
            page.get_by_label("Password", exact=True).fill(person.password)
            page.keyboard.press("Enter")
            page.wait_for_url("**/dashboard/leads?q=ada")
            self.assertEqual(visit.faults, [])

    def test_a_wrong_password_says_so_and_keeps_what_was_typed(self):
        with Visit(allowed=NETWORK) as visit:
            page = visit.open("/login")
            page.get_by_label("E-mail").fill("nobody@penguin.example")
            page.get_by_label("Password", exact=True).fill("not the password")
            page.keyboard.press("Enter")
            page.wait_for_selector("[role=alert]")
            self.assertIn("The address or the password is wrong.", page.locator("[role=alert]").inner_text())
            self.assertRegex(page.locator("[role=alert] code").inner_text(), r"^[0-9a-f]{32}$")
            self.assertEqual(page.get_by_label("E-mail").input_value(), "nobody@penguin.example")
            self.assertEqual(page.get_by_label("Password", exact=True).input_value(), "not the password")

    def test_a_form_goes_to_its_first_fault_and_says_what_it_is(self):
        with Visit() as visit:
            page = visit.open("/register")
            page.get_by_label("Your name").fill("Ada")
            page.get_by_role("button", name="Create account").click()
            page.wait_for_selector("[aria-invalid=true]")
            self.assertEqual(page.evaluate("document.activeElement.name"), "company")
            described = page.evaluate("document.getElementById(document.activeElement.getAttribute('aria-describedby')).textContent")
            self.assertIn("This is needed.", described)

    def test_what_was_typed_survives_a_reload_but_no_password_is_kept(self):
        with Visit() as visit:
            page = visit.open("/register")
            page.get_by_label("Your name").fill("Ada")
            page.get_by_label("Password", exact=True).fill("a secret sentence")
            self.assertNotIn("a secret sentence", page.evaluate("JSON.stringify({ ...sessionStorage, ...localStorage })"))
            page.reload()
            page.wait_for_selector("main form")
            self.assertEqual(page.get_by_label("Your name").input_value(), "Ada")
            self.assertEqual(page.get_by_label("Password", exact=True).input_value(), "")

    def test_next_never_leads_to_another_site(self):
        with Visit(people.empty()) as visit:
            page = visit.open("/dashboard/inbox")
            page.goto(ground().url + "/login?next=//evil.example/x")
            page.wait_for_url("**/dashboard")
            self.assertTrue(page.url.startswith(ground().url + "/dashboard"))

    def test_arriving_moves_title_and_focus_and_back_restores_the_place(self):
        with Visit(people.empty(), height=400) as visit:
            page = visit.open("/dashboard")
            page.evaluate("scrollTo(0, 200)")
            page.wait_for_timeout(100)
            before = page.evaluate("scrollY")
            self.assertGreater(before, 0)
            page.locator(".side a", has_text="Audit trail").click()
            page.wait_for_url("**/audit")
            visit.settle()
            self.assertEqual(page.evaluate("document.activeElement.tagName"), "H1")
            self.assertNotEqual(page.title(), "Home – PenguinMails")
            page.go_back()
            page.wait_for_url("**/dashboard")
            visit.settle()
            page.wait_for_timeout(500)
            self.assertEqual(page.evaluate("scrollY"), before)

    def test_the_palette_finds_and_goes_by_keyboard_and_gives_the_focus_back(self):
        with Visit(people.full()) as visit:
            page = visit.open("/dashboard")
            page.locator(".side a", has_text="Inbox").focus()
            page.keyboard.press("Control+k")
            page.wait_for_selector("#commands")
            self.assertEqual(page.evaluate("document.activeElement.getAttribute('role')"), "combobox")
            page.keyboard.press("Escape")
            page.wait_for_selector("dialog", state="detached")
            self.assertEqual(page.evaluate("document.activeElement.textContent"), "Inbox")
            page.keyboard.press("Control+k")
            page.wait_for_selector("#commands")
            page.keyboard.type("domai")
            page.keyboard.press("Enter")
            page.wait_for_url("**/domains")
            self.assertEqual(visit.faults, [])

    def test_single_keys_go_places_and_can_be_switched_off(self):
        with Visit(people.full()) as visit:
            page = visit.open("/dashboard")
            page.keyboard.press("g")
            page.keyboard.press("d")
            page.wait_for_url("**/domains")
            visit.settle()
            page.keyboard.press("?")
            page.wait_for_selector("dl.keys")
            page.get_by_label("Single keys do something").uncheck()
            page.keyboard.press("Escape")
            page.keyboard.press("g")
            page.keyboard.press("h")
            page.wait_for_timeout(300)
            self.assertTrue(page.url.endswith("/domains"))

    def test_typing_is_not_taken_for_keys(self):
        with Visit(people.empty()) as visit:
            page = visit.open("/dashboard")
            page.get_by_label("Name of the workspace").fill("")
            page.get_by_label("Name of the workspace").type("gh?jk/x")
            self.assertEqual(page.get_by_label("Name of the workspace").input_value(), "gh?jk/x")
            self.assertTrue(page.url.endswith("/dashboard"))

    def test_the_first_tab_skips_to_the_content(self):
        with Visit(people.empty()) as visit:
            page = visit.open("/dashboard")
            page.keyboard.press("Tab")
            self.assertEqual(page.evaluate("document.activeElement.className"), "skip")
            page.keyboard.press("Enter")
            self.assertEqual(page.evaluate("document.activeElement.id"), "main")

    def test_light_and_dark_can_be_chosen_and_are_remembered(self):
        with Visit(people.empty(), scheme="light") as visit:
            page = visit.open("/dashboard")
            light = page.evaluate("getComputedStyle(document.body).backgroundColor")
            for _ in range(2):
                page.locator(".top summary").click()
                page.get_by_role("button", name=re.compile("^Theme")).click()
            self.assertNotEqual(page.evaluate("getComputedStyle(document.body).backgroundColor"), light)
            page.reload()
            visit.settle()
            self.assertNotEqual(page.evaluate("getComputedStyle(document.body).backgroundColor"), light)

    def test_at_320_pixels_nothing_is_cut_off(self):
        for path in ["/login", "/register"]:
            with self.subTest(path), Visit(width=320) as visit:
                visit.open(path)
                self.assertEqual(visit.layout_faults(), [])
        with Visit(people.full(), width=320) as visit:
            visit.open("/dashboard")
            self.assertEqual(visit.layout_faults(), [])

    def test_trusted_types_are_enforced(self):
        with Visit(allowed=(r"TrustedHTML", r"Trusted Type")) as visit:
            page = visit.open("/login")
            self.assertTrue(page.evaluate("() => { try { document.body.innerHTML = 'x'; return false; } catch { return true; } }"))

    # The API is away

    def test_when_the_api_is_lost_what_is_shown_stays_and_says_how_old_it_is(self):
        for how in ("network", "gateway"):
            with self.subTest(how), Visit(people.empty(), allowed=NETWORK) as visit:
                page = visit.open("/dashboard")
                page.get_by_label("Name of the workspace").fill("Typed before it was lost")
                page.get_by_label("Postal address").fill("1 Harbour Street")
                cut(page, how)
                page.evaluate("document.querySelector('main > *').state.reload()")
                page.wait_for_selector(".banner.warn")
                self.assertRegex(page.locator(".banner.warn").inner_text(), r"Connection lost, showing \d\d:\d\d")
                page.get_by_role("button", name="Create workspace").click()
                page.wait_for_selector("form [role=alert]")
                self.assertEqual(page.get_by_label("Name of the workspace").input_value(), "Typed before it was lost")
                if how == "gateway":
                    self.assertIn("r-502", page.locator("form [role=alert]").inner_text())
                page.unroute("**/api/**")
                page.evaluate("document.querySelector('main > *').state.reload()")
                page.wait_for_selector(".banner.warn", state="detached")
                page.reload()
                page.wait_for_selector("main form")
                self.assertEqual(page.get_by_label("Name of the workspace").input_value(), "Typed before it was lost")

    def test_when_the_api_is_away_from_the_start_one_can_try_again(self):
        with Visit(people.empty(), allowed=NETWORK) as visit:
            cut(visit.page, "gateway")
            page = visit.open("/dashboard", "[role=alert]")
            self.assertIn("r-502", page.locator("[role=alert]").inner_text())
            page.unroute("**/api/**")
            page.get_by_role("button", name="Try again").click()
            page.wait_for_selector(".checks")

    def test_the_status_page_needs_no_script(self):
        context = Visit().context.browser.new_context(ignore_https_errors=True, java_script_enabled=False)
        page = context.new_page()
        answer = page.goto(ground().url + "/status")
        self.assertEqual(answer.status, 200)
        self.assertEqual(page.locator("h1").count(), 1)
        context.close()

    def test_a_session_that_ends_leads_to_signing_in_and_back(self):
        made = people.journey()
        person = people.Person(made.api, address=made.address, password=made.password)
        with Visit(person, allowed=NETWORK) as visit:
            page = visit.open("/dashboard")
            made.api.post("/api/v1/auth/sessions/revoke", {"scope": "all"})
            page.evaluate("document.querySelector('main > *').state.reload()")
            page.wait_for_selector(".hint")
            self.assertIn("/login?ended=true&next=%2Fdashboard", page.url)

    # Who may see what

    def test_a_viewer_sees_no_page_of_owners_and_staff(self):
        with Visit(people.viewer()) as visit:
            page = visit.open("/dashboard")
            self.assertEqual(page.locator(".side a", has_text="Billing").count(), 0)
            self.assertEqual(page.locator(".side", has_text="Platform").count(), 0)
            for path in ["/dashboard/settings/billing", "/dashboard/settings/developers", "/dashboard/system/queues", "/dashboard/tenants"]:
                visit.open(path)
                self.assertIn("You may not see this", page.locator("main").inner_text())
            self.assertEqual(visit.faults, [])

    # Names

    def test_hostile_names_are_text(self):
        with Visit(people.full()) as visit:
            page = visit.open("/dashboard")
            page.locator(".side summary").click()
            self.assertIn(people.HOSTILE, page.locator(".side .sheet").inner_text())
            page.keyboard.press("Escape")
            page.keyboard.press("Control+k")
            page.wait_for_selector("#commands")
            page.keyboard.type("onerror")
            self.assertIn(people.HOSTILE, page.locator("#commands").inner_text())
            self.assertNotEqual(page.title(), "owned")
            self.assertEqual(visit.faults + visit.refused(), [])


if __name__ == "__main__":
    unittest.main()
