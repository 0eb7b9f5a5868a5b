"""The pages of accounts, domains and the company as they are used: tests of a mailbox told apart, warm-up, re-check, keys shown once, MFA, prices before paying, roles."""

import json
import time
import unittest
from functools import cache

import people
from browser import Visit, ground
from test_way_in import one_time_code

# Refusals that a test asks for are written to the console by the browser itself.
REFUSED = (r"status of (4|5)\d\d",)
PRICE = {"amount": 14900, "currency": "USD"}
PLAN = {"code": "starter", "name": "Starter", "currency": "USD", "mails_per_period": 10_000}
SUBSCRIPTION = {
    "access": "full", "as_of": "2026-03-01T00:00:00Z", "is_at_stripe": True, "period_start": "2026-03-01T00:00:00Z", "period_end": "2100-04-01T00:00:00Z", "plan": PLAN,
    "status": "active", "amount": {"amount": 4900, "currency": "USD"}, "interval": "month"}


@cache
def owner():
    """Somebody with a workspace and a mailbox."""
    made = people.journey()
    made.set_up()
    slug = made.api.get(f"/api/v1/workspaces/{made.workspace}")["slug"]
    return people.Person(made.api, address=made.address, password=made.password, journey=made, place=f"/dashboard/workspaces/{slug}")


class CompanyTests(unittest.TestCase):
    def visit(self):
        # Signing in anew: what changes the session's cookie in one test must not end another.
        person = owner()
        person.api.post("/api/v1/auth/sign-in", {"email": person.address, "password": person.password})
        visit = Visit(person, allowed=REFUSED)
        self.addCleanup(visit.close)
        self.addCleanup(lambda: self.assertEqual(visit.faults + visit.refused(), []))
        return visit, visit.page

    def answer(self, page, path, body):
        page.route(path, lambda route: route.fulfill(status=200, body=json.dumps(body), content_type="application/json"))

    def test_a_mailbox_is_tried_each_way(self):
        visit, page = self.visit()
        journey = owner().journey
        page.route("**/mailboxes/oauth/providers", lambda route: route.fulfill(status=200, body='{"providers": ["google"]}', content_type="application/json"))
        visit.open(f"{owner().place}/emails")
        page.keyboard.press("c")
        page.get_by_role("button", name="Connect with Google").wait_for()
        fill = lambda name, value: page.fill(f'dialog [name="{name}"]', value)  # noqa: E731
        fill("address", f"grace-{int(time.time())}@{journey.domain}")
        for part, port in (("smtp", journey.mail_port), ("imap", 1)):
            fill(f"{part}.host", "localhost")
            fill(f"{part}.port", str(port))
        fill("smtp.username", "demo")
        fill("smtp.password", journey.mail_password)
        page.get_by_role("button", name="Try and connect").click()
        page.wait_for_selector("dialog .checks li")
        self.assertEqual(page.locator("dialog .checks li").evaluate_all("(items) => items.map((one) => one.className)"), ["done", "bad"])
        self.assertEqual(page.locator('dialog [name="smtp.password"]').input_value(), journey.mail_password)
        page.locator("dialog [name=reads]").uncheck()
        page.get_by_role("button", name="Try and connect").click()
        page.get_by_role("button", name="Begin warm-up").click()
        page.get_by_role("button", name="Pause warm-up").wait_for()
        self.assertIn("Day 1 of 20", page.locator(".stats").inner_text())
        page.get_by_role("button", name="Pause", exact=True).click()
        page.fill("dialog [name=reason]", people.HOSTILE)
        page.locator("dialog").get_by_role("button", name="Pause").click()
        page.locator(".hint", has_text=people.HOSTILE).wait_for()

    def test_a_consent_is_asked_for_at_the_provider_and_what_came_of_it_is_said(self):
        provider = ground().provider
        if provider is None:
            self.skipTest("this stack was not started with the provider of the tests")
        visit, page = self.visit()
        for answer, outcome in (("Deny", "Nothing was allowed, so nothing was done."), ("Allow", "Its server did not let us send")):
            with self.subTest(answer):
                visit.open(f"{owner().place}/emails?open=new")
                page.get_by_role("button", name="Connect with Google").click()
                page.wait_for_url(f"{provider.url}/authorize?**")
                page.get_by_role("link", name=answer).click()
                page.get_by_role("link", name="Back to the mailboxes").click()
                page.locator("main .hint.warn", has_text=outcome).wait_for()
        # The code was good once, for tokens that were believed; only nobody is at the mail servers.
        self.assertEqual(provider.exchanged, 1)
        self.assertNotIn(provider.person, page.locator("main").inner_text())

    def test_a_check_of_records_goes_on_until_it_is_stopped(self):
        visit, page = self.visit()
        visit.open(f"{owner().place}/domains?open=new")
        page.fill("dialog [name=domain]", f"new.{owner().journey.domain}")
        page.get_by_role("button", name="Add domain").click()
        page.wait_for_url("**/domains/*")
        page.get_by_role("button", name="Check again").click()
        page.get_by_text("Looking again every 15 seconds").wait_for()
        self.assertIn("Still open: Ownership, SPF, DKIM", page.locator("main .hint").inner_text())
        self.assertIn("Recommended", page.locator(".steps").inner_text())
        page.get_by_role("button", name="Stop").click()
        page.get_by_text("We look again by ourselves").wait_for()

    def test_a_key_is_shown_once(self):
        visit, page = self.visit()
        visit.open("/dashboard/settings/developers?open=new")
        page.fill("dialog [name=name]", people.HOSTILE)
        page.get_by_label("Read plan and usage").check()
        page.get_by_role("button", name="Make the key").click()
        page.wait_for_selector("dialog pre")
        secret = page.locator("dialog pre").inner_text()
        page.get_by_role("button", name="I have kept it").click()
        page.locator("pm-table", has_text=secret[:8]).wait_for()
        self.assertNotIn(secret, page.content())

    def test_the_second_step_is_switched_on_and_off(self):
        visit, page = self.visit()
        visit.open("/dashboard/settings/security")
        loaded = "performance.getEntriesByType('resource').some((one) => one.name.endsWith('/ui/qr.js'))"
        self.assertFalse(page.evaluate(loaded))
        page.get_by_role("button", name="Set up").click()
        page.wait_for_selector("[name=code]")
        # What the camera sees is what the link says, drawn by the same rules.
        drawn = page.get_by_role("img", name="QR code").locator("path").get_attribute("d")
        self.assertEqual(drawn, page.evaluate("import('/ui/qr.js').then((qr) => qr.outline(qr.modules(document.querySelector('main a[href^=otpauth]').getAttribute('href'))))"))
        self.assertTrue(page.evaluate(loaded))
        secret = page.locator("main .card code").inner_text().replace(" ", "")
        page.fill("[name=code]", one_time_code(secret))
        page.get_by_role("button", name="Switch on").click()
        page.wait_for_selector("dialog pre")
        self.assertEqual(len(page.locator("dialog pre").inner_text().split()), 10)
        page.get_by_role("button", name="I have kept it").click()
        page.get_by_role("button", name="Switch off").wait_for()
        # A code is good once.
        page.wait_for_timeout((31 - time.time() % 30) * 1000)
        page.get_by_role("button", name="Switch off").click()
        page.fill("dialog [name=reason]", one_time_code(secret))
        page.get_by_role("button", name="Go on").click()
        page.get_by_role("button", name="Set up").wait_for()

    def test_the_price_stands_before_the_change(self):
        visit, page = self.visit()
        self.answer(page, "**/api/v1/plans", {"data": [{**PLAN, "code": "business", "name": "Business", "prices": [{"interval": "month", "price": PRICE}]}], "page": {"next": None}, "packs": []})
        self.answer(page, "**/api/v1/billing/subscription", SUBSCRIPTION)
        self.answer(page, "**/api/v1/billing/config", {"is_configured": True, "publishable_key": "", "currencies": ["USD"], "packs": []})
        self.answer(page, "**/api/v1/billing/change/preview", {
            "plan": "business", "interval": "month", "direction": "upgrade", "amount_due_now": {"amount": 6333, "currency": "USD"}, "price": PRICE, "effective_at": "2026-03-02T00:00:00Z",
            "exceeds": [], "preview_token": "token", "valid_until": "2100-01-01T00:00:00Z"})
        sent = []
        page.route("**/api/v1/billing/change", lambda route: (
            sent.append(route.request.post_data_json), route.fulfill(status=200, body=json.dumps({"outcome": "changed", "subscription": SUBSCRIPTION}), content_type="application/json")))
        visit.open("/dashboard/settings/billing/plans")
        page.get_by_role("button", name="See what it costs Business").click()
        page.locator("dialog", has_text="$63.33").wait_for()
        self.assertEqual(sent, [])
        page.get_by_role("button", name="Pay $63.33 and change").click()
        page.get_by_text("You have Business now.").wait_for()
        self.assertEqual(sent, [{"plan": "business", "interval": "month", "preview_token": "token"}])

    def test_without_payments_it_says_so(self):
        visit, page = self.visit()
        self.answer(page, "**/api/v1/billing/config", {"is_configured": False, "publishable_key": "", "currencies": [], "packs": []})
        visit.open("/dashboard/settings/billing")
        page.get_by_text("Payments are not set up on this installation, so").wait_for()
        self.assertEqual(page.get_by_role("link", name="Choose a plan").count(), 0)

    def test_a_viewer_sees_and_changes_nothing(self):
        person = owner()
        role = "update users.tenant_users set roles = '{{{}}}' where email = '{}'"
        self.addCleanup(ground().sql, role.format("owner", person.address))
        ground().sql(role.format("viewer", person.address))
        visit, page = self.visit()
        for path in (f"{person.place}/emails", f"{person.place}/domains", f"{person.place}/emails/{person.journey.sender}", "/dashboard/workspaces", "/dashboard/settings/team"):
            with self.subTest(path):
                visit.open(path)
                self.assertEqual(page.locator("main button:visible").all_inner_texts(), [])
        for path in ("/dashboard/settings/billing", "/dashboard/settings/developers", "/dashboard/settings/webhooks", "/dashboard/support"):
            with self.subTest(path):
                visit.open(path)
                page.get_by_text("You may not see this").wait_for()


if __name__ == "__main__":
    unittest.main()
