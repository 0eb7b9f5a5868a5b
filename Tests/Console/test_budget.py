"""What a page may cost: bytes on the wire and requests. Gated on bytes and counts, which do not swing with the machine."""

import gzip
import re
import unittest
from pathlib import Path

import people
from browser import ROOT, Visit, ground

CONSOLE = ROOT / "Gateway" / "Console"
LIT = "/usr/share/nodejs/lit/lit-all.min.js"


def packed(path):
    return len(gzip.compress(Path(path).read_bytes(), 9))


IMPORT = re.compile(r"""(?:from|import)\s*\(?\s*['"](\.{0,2}/[^'"]+\.js)['"]""")


def needed(*starts):
    """The modules that these import, whatever way, and themselves."""
    found, waiting = set(), list(starts)
    while waiting:
        path = waiting.pop()
        if path in found:
            continue
        found.add(path)
        if str(path) == LIT:
            continue
        for name in IMPORT.findall(path.read_text()):
            waiting.append(Path(LIT) if name.startswith("/vendor/lit/") else CONSOLE / name[1:] if name.startswith("/") else (path.parent / name).resolve())
    return found


class BudgetTests(unittest.TestCase):
    def test_no_screen_needs_more_than_90_kB_of_script(self):
        shell = {path for path in CONSOLE.glob("*.js") if path.name != "preview.js"}
        for screen in sorted((CONSOLE / "screens").glob("*.js")):
            with self.subTest(screen.name):
                sizes = {path.name: packed(path) for path in needed(*shell, screen)}
                self.assertLessEqual(sum(sizes.values()), 90_000, sizes)

    def test_all_script_is_at_most_200_kB(self):
        """Who looks at every screen there is loads this, once: browsers keep modules and ask only whether they are still good."""
        sizes = {str(path.relative_to(CONSOLE)): packed(path) for path in CONSOLE.rglob("*.js")}
        self.assertLessEqual(sum(sizes.values()) + packed(LIT), 200_000, sorted(sizes.items(), key=lambda one: -one[1])[:8])

    def test_the_sheet_is_at_most_15_kB(self):
        self.assertLessEqual(packed(CONSOLE / "console.css"), 15_000)

    def first(self, person, path):
        """Bytes of script until all is quiet, and what the heading waited for: what was answered before it."""
        with Visit(person) as visit:
            visit.open(path)
            before = visit.page.evaluate(
                """() => { const end = performance.getEntriesByName('heading')[0].startTime;
                    return performance.getEntriesByType('resource').filter((one) => one.responseEnd && one.responseEnd <= end).map((one) => one.name); }""")
            script = visit.page.evaluate(
                "performance.getEntriesByType('resource').filter((one) => one.name.endsWith('.js')).reduce((sum, one) => sum + one.encodedBodySize, 0)")
            return script, [path] + before

    def test_first_load(self):
        for who, path in [("nobody", "/login"), ("empty", "/dashboard")]:
            with self.subTest(path):
                script, urls = self.first(people.of(who), path)
                self.assertLessEqual(script, 60_000)
                self.assertLessEqual(len(urls), 8, urls)

    def test_nothing_jumps_while_a_page_appears(self):
        person = people.full()
        for path in ["/dashboard", "/dashboard/leads?workspace={slug}", "/dashboard/workspaces/{slug}/campaigns", "/dashboard/workspaces/{slug}/campaigns/{campaign}"]:
            for width in (1280, 375):
                with self.subTest(f"{path} {width}"), Visit(person, width=width) as visit:
                    page = visit.open(path.format(**vars(person.ids)))
                    page.wait_for_timeout(300)
                    self.assertLessEqual(page.evaluate("shifted"), 0.05)

    def test_files_are_asked_for_again_and_not_sent_again(self):
        api = people.empty().api
        self.assertIsNotNone(api)
        with Visit() as visit:
            answer = visit.context.request.get(ground().url + "/core.js")
            self.assertEqual(answer.headers["cache-control"], "no-cache")
            again = visit.context.request.get(ground().url + "/core.js", headers={"If-None-Match": answer.headers["etag"]})
            self.assertEqual(again.status, 304)

    def test_list_answers_are_at_most_30_kB(self):
        person = people.full()
        for path in ["/api/v1/leads?workspace={workspace}", "/api/v1/campaigns", "/api/v1/templates?workspace={workspace}", "/api/v1/mailboxes", "/api/v1/domains", "/api/v1/audit/events"]:
            with self.subTest(path), Visit(person) as visit:
                answer = visit.context.request.get(ground().url + path.format(**vars(person.ids)))
                self.assertEqual(answer.status, 200)
                self.assertLessEqual(len(gzip.compress(answer.body())), 30_000)


if __name__ == "__main__":
    unittest.main()
