"""Campaigns and the inbox as they are used: written, stored by themselves, launched, held, ended; answers read and answered."""

import unittest

import people
import replies
from browser import Visit
from penguin.terminal import wait_until
from playwright.sync_api import expect

CAMPAIGNS = "/dashboard/workspaces/{slug}/campaigns"
# What a test brings about itself.
BROUGHT = (r"ERR_FAILED", r"status of 412")


class CampaignTests(unittest.TestCase):
    def setUp(self):
        self.person = people.full()
        self.api = self.person.api
        self.visit = Visit(self.person, allowed=BROUGHT)
        self.addCleanup(self.visit.close)

    def tearDown(self):
        self.assertEqual(self.visit.faults + self.visit.refused(), [])

    def open(self, path, wait):
        return self.visit.open(path.format(**vars(self.person.ids)), wait)

    def draft(self, name):
        made = self.api.post("/api/v1/campaigns", {"workspace": self.person.ids.workspace, "name": name, "steps": people.sequence([self.person.ids.template] * 3), "mailboxes": [self.person.ids.mailbox]})
        page = self.open(CAMPAIGNS + f"/{made['id']}/edit", "#checks")
        return f"/api/v1/campaigns/{made['id']}", page

    def saved(self, page):
        page.wait_for_selector("[data-saved]:has-text('Saved ')")

    def test_from_the_first_key_to_the_end(self):
        page = self.open(CAMPAIGNS, "[data-row]")
        page.keyboard.press("c")
        page.wait_for_selector("dialog[open]")
        page.keyboard.press("Enter")
        page.wait_for_selector("dialog .error")
        page.keyboard.type("Journey")
        page.get_by_text("Mail with two follow-ups").click()
        page.get_by_role("button", name="Create draft").click()
        page.wait_for_selector("#checks")
        page.wait_for_selector(".head .primary:not([aria-disabled=true])")
        self.assertEqual(page.locator(".steps > li").count(), 5)
        page.get_by_role("button", name="Launch", exact=True).click()
        self.assertRegex(page.locator("dialog[open] p").first.inner_text(), r"[\d,]+ mails at most")
        page.locator("dialog[open] button.primary").click()
        page.wait_for_selector(".parts")
        self.visit.settle()
        page.keyboard.press("p")
        page.locator("dialog[open] input").fill("A look at it")
        page.keyboard.press("Enter")
        page.wait_for_selector(".hint:has-text('A look at it')")
        self.assertIn("nobody receives a mail twice", page.locator(".hint").inner_text())
        page.get_by_role("button", name="Resume").click()
        page.locator("dialog[open] button.primary").click()
        page.wait_for_selector(".head .badge:has-text('Active')")
        page.locator(".head summary").click()
        page.get_by_role("button", name="End").click()
        page.locator("dialog[open] input").fill("Done")
        page.locator("dialog[open] button.danger").click()
        page.wait_for_selector(".head .badge:has-text('Completed')")
        self.parts_sum_to_the_total(page)

    def parts_sum_to_the_total(self, page):
        numbers = [int(text.replace(",", "")) for text in page.locator(".parts li:not(.sum) b").all_inner_texts()]
        self.assertEqual(sum(numbers), int(page.locator(".parts .sum b").inner_text().replace(",", "")))

    def test_every_campaign_sums(self):
        for name in ("campaign", "waiting"):
            with self.subTest(name):
                self.parts_sum_to_the_total(self.open(CAMPAIGNS + "/{" + name + "}", ".parts"))

    def test_what_is_typed_is_stored_by_itself_and_survives_a_lost_connection(self):
        path, page = self.draft("Away")
        name = page.get_by_label("Name of the campaign")
        name.fill("Away, and stored")
        self.saved(page)
        self.assertEqual(self.api.get(path)["name"], "Away, and stored")
        page.route("**/api/v1/campaigns/**", lambda route: route.abort())
        name.fill("Kept")
        page.wait_for_selector(".problem:has-text('cannot be reached')")
        self.assertEqual(page.locator("[data-saved]").inner_text(), "Not saved")
        page.unroute("**/api/v1/campaigns/**")
        page.reload()
        page.wait_for_selector("#checks")
        self.saved(page)
        self.assertEqual(self.api.get(path)["name"], "Kept")

    def test_a_conflict_is_said_and_settled(self):
        path, page = self.draft("Both")
        for button, expected in (("Keep mine", "Mine"), ("Take theirs", "Theirs")):
            page.get_by_label("Name of the campaign").fill("Before")
            self.saved(page)
            self.api.patch(path, {"name": "Theirs"}, **{"If-Match": f'"{self.api.get(path)["revision"]}"'})
            page.get_by_label("Name of the campaign").fill("Mine")
            page.wait_for_selector(".problem:has-text('Somebody else changed this campaign')")
            page.get_by_role("button", name=button).click()
            page.wait_for_selector(".problem", state="detached")
            page.wait_for_timeout(500)
            self.assertEqual(self.api.get(path)["name"], expected)
            self.assertEqual(page.get_by_label("Name of the campaign").input_value(), expected)

    def test_steps_move_by_buttons(self):
        path, page = self.draft("Order")
        kinds = lambda: [step["kind"] for step in self.api.get(path)["steps"]]
        page.get_by_role("button", name="Move step 4 up").focus()
        page.keyboard.press("Enter")
        self.saved(page)
        self.assertEqual(kinds(), ["email", "wait", "email", "condition"])
        self.assertEqual(page.evaluate("document.activeElement.title"), "Move up")

    def test_steps_move_by_mouse_and_by_finger(self):
        path, page = self.draft("Dragged")
        kinds = lambda: [step["kind"] for step in self.api.get(path)["steps"]]
        page.set_viewport_size({"width": 1280, "height": 1600})
        rows, handle = page.locator(".steps > li"), lambda at: page.locator(".steps > li").nth(at).locator(".handle")
        top = {"x": 30, "y": 4}
        handle(1).drag_to(rows.nth(0), target_position=top)
        expect(page.locator(".steps h3").first).to_contain_text("Wait")
        wait_until("The new order is saved", lambda: kinds() == ["wait", "email", "condition", "email"], 20)
        # Half-way it is said where it lands; Escape leaves all as it was.
        start, end = handle(0).bounding_box(), rows.nth(3).bounding_box()
        page.mouse.move(start["x"] + 40, start["y"] + 8)
        page.mouse.down()
        page.mouse.move(end["x"] + 40, end["y"] + end["height"] - 4, steps=6)
        expect(rows.nth(0)).to_have_class("stack moving")
        expect(rows.nth(3)).to_have_class("stack below")
        page.keyboard.press("Escape")
        expect(page.locator(".moving, .below")).to_have_count(0)
        page.mouse.up()
        expect(page.locator(".steps h3").first).to_contain_text("Wait")
        # A finger on the grip drags; the page stays where it is.
        start, end = rows.nth(0).locator(".grip").bounding_box(), rows.nth(1).bounding_box()
        finger = self.visit.context.new_cdp_session(page)
        touch = lambda kind, *points: finger.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": [{"x": x, "y": y} for x, y in points]})
        x, y, below = start["x"] + 12, start["y"] + 12, end["y"] + end["height"] - 4
        touch("touchStart", (x, y))
        for share in (0.2, 0.6, 1):
            touch("touchMove", (x, y + (below - y) * share))
        touch("touchEnd")
        wait_until("What the finger moved is saved", lambda: kinds() == ["email", "wait", "condition", "email"], 20)
        self.assertEqual(page.evaluate("scrollY"), 0)

    def test_checks_say_what_is_missing_and_lead_to_it(self):
        made = self.api.post("/api/v1/campaigns", {"workspace": self.person.ids.workspace, "name": "Nothing in it"})
        page = self.open(CAMPAIGNS + f"/{made['id']}/edit", "#checks .bad")
        self.assertEqual(page.locator("#checks .bad").count(), 2)
        page.get_by_role("button", name="Mend Mails").click()
        self.assertEqual(page.evaluate("document.activeElement.id"), "steps")

    @unittest.skipUnless(replies.possible(), "Dovecot")
    def test_an_answer_is_read_answered_and_put_away_by_keys(self):
        thread = self.person.ids.thread
        self.api.post(f"/api/v1/inbox/threads/{thread}/unarchive")
        page = self.open("/dashboard/inbox/{thread}", "article")
        self.assertEqual(page.title(), "Inbox – PenguinMails")
        before = page.locator("article").count()
        page.locator("summary:has-text('Assign')").click()
        page.get_by_role("button", name="To me").click()
        page.wait_for_selector(".thread header .note:has-text('for You')")
        page.wait_for_timeout(1_000)
        page.keyboard.press("r")
        page.keyboard.type("With pleasure.")
        page.reload()
        page.wait_for_selector("article")
        self.assertEqual(page.locator(".thread textarea").input_value(), "With pleasure.")
        page.locator(".thread textarea").focus()
        page.keyboard.press("Control+Enter")
        expect(page.locator("article")).to_have_count(before + 1)
        page.wait_for_selector("article.outbound .badge:has-text('Sent')")
        page.evaluate("document.activeElement.blur()")
        rows = page.locator(".threads li").count()
        page.keyboard.press("e")
        expect(page.locator(".threads li")).to_have_count(rows - 1)
        page.locator(".toast button:has-text('Undo')").click()
        expect(page.locator(".threads li")).to_have_count(rows)

    @unittest.skipUnless(replies.possible(), "Dovecot")
    def test_what_arrives_is_there_at_once(self):
        page = self.open("/dashboard/inbox", ".threads li")
        page.wait_for_timeout(1_000)
        mail = next(one for one in self.person.journey.stored() if not any(one.recipients[0] == row["contact"] for row in self.api.get("/api/v1/inbox/threads", state="all")["data"]))
        sender = replies.answer(replies.connect(self.api, self.person.ids.mailbox), mail.path, "Just now.", "Late Answer")
        page.wait_for_selector(".threads li.unread:has-text('Late Answer')", timeout=30_000)
        self.assertTrue(any(row["contact"] == sender for row in self.api.get("/api/v1/inbox/threads")["data"]))


if __name__ == "__main__":
    unittest.main()
