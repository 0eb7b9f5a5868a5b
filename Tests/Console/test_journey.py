"""The main job without a mouse: signing up, verifying, mailbox, domain, import, campaign, progress, pause, export of the trail."""

import time
import unittest
from pathlib import Path

from browser import ROOT, Visit, ground
from keyboard import Keyboard
from penguin import dns
from test_way_in import mailed


class JourneyTests(unittest.TestCase):
    def test_by_keyboard_alone(self):
        began = time.time()
        self.domain = f"keys-{int(began * 1000)}.penguin.example"
        self.address = f"grace@{self.domain}"
        with Visit() as visit:
            self.keys = Keyboard(visit)
            for part in (self.sign_up, self.mailbox, self.prove_domain, self.import_leads, self.campaign, self.pause, self.export):
                part(visit, began)
            self.assertEqual(visit.faults + visit.refused(), [])

    def sign_up(self, visit, began):
        page, keys = visit.open("/register"), self.keys
        keys.fill("Your name", "Grace Example").fill("Company", "Keyboard Company").fill("E-mail", self.address).fill("Password", "four words make one").press("Enter")
        page.wait_for_url("**/verify")
        visit.settle()
        keys.fill("Code", mailed(self.address, r"\b(\d{6})\b", began)).press("Enter")
        page.wait_for_url("**/login")
        visit.settle()
        keys.fill("Password", "four words make one").press("Enter")
        page.wait_for_url("**/dashboard")
        visit.settle()
        keys.fill("Name of the workspace", "Outreach").fill("Postal address", "1 Harbour Street, 8000 Example").reach("Create workspace").press("Enter")
        page.wait_for_selector(".checks .done:has-text('Create a workspace')")

    def mailbox(self, visit, _):
        page, keys, place = visit.page, self.keys, ground()
        keys.press("g", "e")
        page.wait_for_url("**/emails")
        visit.settle()
        keys.press("c")
        page.wait_for_selector("dialog[open]")
        keys.fill("Address", self.address).fill("SMTP server", "localhost").fill("Port", str(place.ports["mail"]))
        keys.fill("User name", "demo").fill("Password", place.secrets["mail_demo"])
        keys.reach("Read answers").press("Space").reach("Try and connect").press("Enter")
        page.wait_for_url("**/emails/*")
        visit.settle()
        self.assertIn(self.address, page.locator("h1").inner_text())

    def prove_domain(self, visit, _):
        page, keys = visit.page, self.keys
        keys.press("g", "d")
        page.wait_for_url("**/domains")
        visit.settle()
        keys.press("c")
        page.wait_for_selector("dialog[open]")
        keys.fill("Domain", self.domain).press("Enter")
        page.wait_for_url("**/domains/*")
        visit.settle()
        made = visit.context.request.get(f"{ground().url}/api/v1/domains/{page.url.rpartition('/')[2]}").json()
        dns.publish(ground().layout, self.domain, made["records"])
        keys.reach("Check again").press("Enter")
        page.wait_for_selector(".hint:not(.warn)", timeout=60_000)

    def import_leads(self, visit, _):
        page, keys = visit.page, self.keys
        keys.go("import leads", "**/leads/import")
        keys.reach("File with leads")
        with page.expect_file_chooser() as chooser:
            keys.press("Space")
        chooser.value.set_files(str(ROOT / "Samples" / "leads.csv"))
        page.wait_for_selector("h2:has-text('What is in which column')")
        keys.reach("Preview").press("Enter")
        page.wait_for_selector("h2:has-text('The first rows')")
        keys.reach("Start import").press("Enter")
        page.wait_for_url("**/imports/*")
        page.wait_for_selector(".badge:has-text('Completed')", timeout=60_000)
        self.assertIn("978", page.locator(".parts").inner_text())

    def campaign(self, visit, _):
        page, keys = visit.page, self.keys
        keys.press("g", "c")
        page.wait_for_url("**/campaigns")
        visit.settle()
        keys.press("c")
        page.wait_for_selector("dialog[open]")
        keys.fill("Name", "By keyboard").press("Enter")
        page.wait_for_url("**/edit")
        visit.settle()
        page.wait_for_selector("button.primary[aria-disabled=false]:has-text('Launch')", timeout=30_000)
        keys.reach("Launch", back=True).press("Enter")
        page.wait_for_selector("dialog[open]")
        keys.reach("Launch").press("Enter")
        page.wait_for_url(lambda url: not url.endswith("/edit"))
        visit.settle()

    def pause(self, visit, _):
        page, keys = visit.page, self.keys
        page.wait_for_selector(".badge:has-text('Active')")
        # The leads are enrolled a moment after the launch.
        page.wait_for_selector(".parts", timeout=60_000)
        keys.press("p")
        page.wait_for_selector("dialog[open]")
        keys.fill("Reason", "Lunch").reach("Pause").press("Enter")
        page.wait_for_selector(".badge:has-text('Paused')")
        visit.shoot("journey-paused")
        # Nothing is lost on the way: the parts sum to the total.
        numbers = [int("".join(filter(str.isdigit, text)) or 0) for text in page.locator(".parts").first.locator("li b").all_inner_texts()]
        self.assertEqual(sum(numbers[:-1]), numbers[-1])
        self.assertNotIn("Finished", page.locator("main").inner_text())

    def export(self, visit, _):
        page, keys = visit.page, self.keys
        keys.press("g", "a")
        page.wait_for_url("**/dashboard/audit")
        visit.settle()
        keys.press("e")
        page.wait_for_selector("dialog[open]")
        keys.reach("Write the file").press("Enter")
        page.wait_for_selector("dialog button:has-text('Download')", timeout=60_000)
        keys.reach("Download")
        with page.expect_download() as download:
            keys.press("Enter")
        self.assertIn("campaign.pause", Path(download.value.path()).read_text())


if __name__ == "__main__":
    unittest.main()
