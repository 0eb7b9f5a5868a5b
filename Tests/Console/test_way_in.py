"""The way in, as people take it: signing up with the mailed code, the second factor, a recovery code, a forgotten password, an invitation."""

import base64
import hmac
import re
import struct
import time
import unittest

import people
from browser import Visit, ground
from penguin.mailbox import Mailbox
from penguin.terminal import wait_until

NETWORK = (r"Failed to load resource",)


def one_time_code(secret, step=0):
    """RFC 6238, as an authenticator app shows it."""
    key = base64.b32decode(secret + "=" * (-len(secret) % 8))
    digest = hmac.digest(key, struct.pack(">Q", int(time.time()) // 30 + step), "sha1")
    place = digest[-1] & 15
    return f"{(struct.unpack('>I', digest[place:place + 4])[0] & 0x7FFFFFFF) % 1_000_000:06}"


def mailed(address, expression, since):
    """What the newest mail to an address says that matches."""
    box = Mailbox(ground().layout.maildir, since)

    def find():
        for mail in reversed(box.mails()):
            if mail.recipients == (address,) and (found := re.search(expression, mail.text())):
                return found.group(1)
        return None
    return wait_until(f"A mail to {address}", find, 60)


class WayInTests(unittest.TestCase):
    def sign_in(self, page, person):
        page.get_by_label("E-mail").fill(person.address)
        page.get_by_label("Password", exact=True).fill(person.password)
        page.keyboard.press("Enter")

    def test_sign_up_with_the_mailed_code_then_a_workspace(self):
        began = time.time()
        name = f"new-{int(began * 1000)}"
        address = f"{name}@{name}.penguin.example"
        with Visit() as visit:
            page = visit.open("/register")
            page.get_by_label("Your name").fill("Grace Example")
            page.get_by_label("Company").fill(people.RIGHT_TO_LEFT)
            page.get_by_label("E-mail").fill(address)
            page.get_by_label("Password", exact=True).fill("four words make one")
            page.keyboard.press("Enter")
            page.wait_for_url("**/verify")
            visit.settle()
            self.assertIn(address, page.locator("main").inner_text())
            self.assertTrue(page.get_by_role("button", name="Send it again").is_disabled())
            code = mailed(address, r"\b(\d{6})\b", began)
            # As people paste it: with a space in the middle.
            page.get_by_label("Code").fill(f"{code[:3]} {code[3:]}")
            page.keyboard.press("Enter")
            page.wait_for_url("**/login")
            # The address is known already.
            self.assertEqual(page.get_by_label("E-mail").input_value(), address)
            page.get_by_label("Password", exact=True).fill("four words make one")
            page.keyboard.press("Enter")
            page.wait_for_url("**/dashboard")
            visit.settle()
            page.get_by_label("Name of the workspace").fill("Outreach")
            page.get_by_label("Postal address").fill("1 Harbour Street, 8000 Example")
            page.get_by_role("button", name="Create workspace").click()
            page.wait_for_selector(".side summary:has-text('Outreach')")
            page.wait_for_selector(".checks .done:has-text('Create a workspace')")
            self.assertEqual(visit.faults, [])

    def test_a_wrong_code_is_refused_and_can_be_asked_for_again(self):
        with Visit(allowed=NETWORK) as visit:
            page = visit.open("/verify")
            page.get_by_label("E-mail").fill("nobody@penguin.example")
            page.get_by_label("Code").fill("000000")
            page.keyboard.press("Enter")
            page.wait_for_selector("[role=alert]")
            self.assertIn("no longer good", page.locator("[role=alert]").inner_text())

    def test_a_second_factor_and_a_recovery_code(self):
        person = people.journey()
        begun = person.api.post("/api/v1/auth/totp")
        codes = person.api.post("/api/v1/auth/totp/confirm", {"code": one_time_code(begun["secret"])})["recovery_codes"]
        with Visit(allowed=NETWORK) as visit:
            page = visit.open("/login?next=%2Fdashboard%2Faudit")
            self.sign_in(page, person)
            page.wait_for_url("**/two-factor*")
            visit.settle()
            self.assertEqual(visit.axe(), [])
            page.get_by_label("Code from your app").fill("123456")
            page.keyboard.press("Enter")
            page.wait_for_selector("[role=alert]")
            # The code that confirmed the set-up is used; the next one is good already.
            page.get_by_label("Code from your app").fill(one_time_code(begun["secret"], 1))
            page.keyboard.press("Enter")
            page.wait_for_url("**/dashboard/audit")
        with Visit() as visit:
            page = visit.open("/login")
            self.sign_in(page, person)
            page.wait_for_url("**/two-factor")
            page.get_by_role("button", name="Use a recovery code").click()
            page.get_by_label("Recovery code").fill(codes[0])
            page.keyboard.press("Enter")
            page.wait_for_url("**/dashboard")

    def test_a_forgotten_password(self):
        person, began = people.journey(), time.time()
        with Visit() as visit:
            page = visit.open("/forgot-password")
            page.get_by_label("E-mail").fill(person.address)
            page.keyboard.press("Enter")
            page.wait_for_selector("h1:has-text('Check your mail')")
            # The same answer for an address that nobody has.
            page.get_by_role("button", name="Another address").click()
            page.get_by_label("E-mail").fill("nobody@penguin.example")
            page.keyboard.press("Enter")
            page.wait_for_selector("h1:has-text('Check your mail')")
        link = mailed(person.address, r"(/reset-password\?token=\S+)", began)
        # The page is the server's: it works without scripts.
        context = Visit().context.browser.new_context(ignore_https_errors=True, java_script_enabled=False)
        page = context.new_page()
        page.goto(ground().url + link)
        page.get_by_label("New password").fill("short")
        page.keyboard.press("Enter")
        page.wait_for_selector("[role=alert]")
        page.get_by_label("New password").fill("four words make one")
        page.keyboard.press("Enter")
        page.wait_for_selector("h1:has-text('Your password is set')")
        context.close()
        with Visit() as visit:
            page = visit.open("/login")
            person.password = "four words make one"
            self.sign_in(page, person)
            page.wait_for_url("**/dashboard")

    def test_an_invitation_makes_a_member(self):
        owner, began = people.journey(), time.time()
        address = f"guest.{owner.address}"
        owner.api.post("/api/v1/invitations", {"email": address, "role": "viewer"})
        link = mailed(address, r"(/invitation\?token=\S+)", began)
        with Visit() as visit:
            page = visit.open(link, "form")
            page.get_by_label("Your name").fill(people.HOSTILE)
            page.get_by_label("Password", exact=True).fill("four words make one")
            page.get_by_role("button", name="Join").click()
            page.wait_for_url("**/login")
            page.get_by_label("Password", exact=True).fill("four words make one")
            page.keyboard.press("Enter")
            page.wait_for_url("**/dashboard")
            visit.settle()
            self.assertIn(people.HOSTILE, page.locator(".top").inner_text())
            self.assertEqual(visit.faults, [])


if __name__ == "__main__":
    unittest.main()
