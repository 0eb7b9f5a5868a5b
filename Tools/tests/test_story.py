"""One name finds the whole story of a request, and nobody else's."""

import json
import tempfile
import unittest
from pathlib import Path

from penguin import story
from penguin.terminal import Failure

REQUEST = "4bf92f3577b34da6a3ce929d0e0e4736"
TRACE = "0af7651916cd43dd8448eb211c80319c"


def service(name, second, message, **metadata):
    return json.dumps({
        "at": f"2026-11-28T13:00:{second:02}.500Z", "label": name, "level": "info", "message": message, "metadata": metadata, "service": name})


class StoryTests(unittest.TestCase):
    def read(self, name, **files):
        with tempfile.TemporaryDirectory() as folder:
            paths = []
            for file, lines in files.items():
                path = Path(folder) / f"{file}.log"
                path.write_text("\n".join(lines) + "\n")
                paths.append(path)
            return story.read(paths, name)

    def setUp(self):
        self.logs = {
            # Read first, although only the gateway's log says that both names are one request's.
            "delivery": [
                service("delivery", 9, "mail tried", trace_id=TRACE, result="accepted"), service("delivery", 9, "mail tried", trace_id="f" * 32),
                "not JSON at all " + TRACE],
            "gateway": [
                json.dumps({
                    "at": "2026-11-28T13:00:01+00:00", "request_id": REQUEST, "trace_id": TRACE, "method": "POST", "path": "/api/v1/templates/1/test",
                    "status": 202, "seconds": 0.02, "service": "campaigns"}),
                json.dumps({"at": "2026-11-28T13:00:01+00:00", "request_id": "other", "trace_id": "f" * 32, "method": "GET", "path": "/", "status": 200})],
            "campaigns": ["campaigns-1  | " + service("campaigns", 2, "request answered", request_id=REQUEST, trace_id=TRACE, status="202")],
        }

    def test_either_name_finds_all_of_it_in_the_order_of_time(self):
        for name in (REQUEST, TRACE):
            with self.subTest(name):
                moments, names = self.read(name, **self.logs)
                self.assertEqual(names, {REQUEST, TRACE})
                self.assertEqual([moment.place for moment in moments], ["gateway", "campaigns", "delivery"])
                self.assertEqual(moments[0].what, "POST /api/v1/templates/1/test 202")
                self.assertEqual(moments[2].line(), "2026-11-28T13:00:09.500  delivery   info: mail tried  result=accepted")

    def test_a_name_that_nobody_has_finds_nothing(self):
        self.assertEqual(self.read("a" * 32, **self.logs), ([], {"a" * 32}))

    def test_a_word_in_a_message_is_no_name(self):
        self.assertEqual(self.read(REQUEST, auth=[service("auth", 1, f"somebody wrote {REQUEST}", request_id="b" * 32)])[0], [])

    def test_a_traceparent_is_its_trace_and_anything_else_is_refused(self):
        self.assertEqual(story.asked_for(f"00-{TRACE}-b7ad6b7169203331-01"), TRACE)
        self.assertEqual(story.asked_for(f" {REQUEST}\n"), REQUEST)
        for bad in ("", "x' or 1=1 --", "a" * 65, "short"):
            with self.assertRaises(Failure):
                story.asked_for(bad)

    def test_only_names_reach_the_database(self):
        text = " ".join(story.queries({REQUEST, TRACE, "it's"}))
        self.assertNotIn("it's", text)
        self.assertIn(f"'{REQUEST}'", text)
        self.assertIn(f"'00-{TRACE}-%'", text)

    def test_many_mails_are_counted_and_a_few_are_told(self):
        def mail(number, state="accepted"):
            return {"part": "mail", "at": f"2026-11-28T13:00:{number % 60:02}.000", "state": state, "send": f"s{number}", "code": 250, "attempts": 1}

        few = story.told([mail(1), mail(2, "refused")])
        self.assertEqual([moment.what for moment in few], ["mail accepted", "mail refused"])
        many = story.told([mail(number, "accepted" if number % 2 else "planned") for number in range(50)])
        self.assertEqual([(moment.what, moment.known) for moment in many], [("50 mails", {"accepted": 25, "planned": 25})])

    def test_entries_of_the_trail_and_tries_are_moments(self):
        moments = story.told([
            {"part": "trail", "at": "2026-11-28T13:00:01.000", "action": "template.test", "outcome": "success", "actor": "user:1"},
            {"part": "try", "at": "2026-11-28T13:00:02.000", "message": "deferred", "level": "warning", "attempt": 1},
            {"part": "campaign", "at": "2026-11-28T13:00:03.000", "status": "active", "campaign": "c"}])
        self.assertEqual([moment.what for moment in moments], ["template.test: success", "try of a job: deferred", "campaign launched, now active"])


if __name__ == "__main__":
    unittest.main()
