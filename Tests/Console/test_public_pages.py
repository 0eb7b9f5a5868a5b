"""Pages that work without scripts: the public status, and what mailed links lead to. Axe and a picture of each; nothing runs and nothing is wider than the window."""

import unittest

from browser import Visit, ground

PAGES = {"status": "/status", "verify-email": "/verify-email?token=nobody%22%3E%3Cb%3E", "email-change": "/email-change?token=nobody", "reset-password": "/reset-password?token=nobody", "unsubscribe-broken": "/u/nobody"}


class PublicPageTests(unittest.TestCase):
    def look(self, name, path, scheme, width):
        # The browser notes that a page about a bad link has a status that says so.
        with Visit(None, scheme, width, allowed=(r"status of 4\d\d",)) as visit:
            answer = visit.page.goto(ground().url + path)
            policy = answer.headers["content-security-policy"]
            visit.page.wait_for_selector("main h1")
            visit.shoot(f"{name}-{scheme}-{width}")
            faults = visit.faults + visit.axe() + visit.refused() + visit.layout_faults()
            if visit.page.locator("script, [onload], [onclick], main b").count():
                faults.append("there is something that runs, or text that became elements")
            if "default-src 'none'" not in policy or "script-src" in policy or "unsafe" in policy:
                faults.append(f"policy: {policy}")
            self.assertEqual(faults, [])

    def test_pages(self):
        for name, path in PAGES.items():
            for scheme in ("light", "dark"):
                for width in (1280, 375):
                    with self.subTest(name, scheme=scheme, width=width):
                        self.look(name, path, scheme, width)

    def test_the_status_page_says_it_in_a_sentence_and_each_bar_in_words(self):
        with Visit() as visit:
            visit.page.goto(ground().url + "/status")
            self.assertIn("PenguinMails is", visit.page.locator("h1").inner_text())
            self.assertGreaterEqual(visit.page.locator("rect title").count(), 90)
            self.assertEqual(visit.context.request.get(ground().url + "/status/feed.atom").status, 200)


if __name__ == "__main__":
    unittest.main()
