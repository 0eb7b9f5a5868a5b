"""The command around the verifier: psql, its end, and whatever else is not about data."""

import io
import json
import os
import subprocess
import sys
import tempfile
import time
import unittest
from contextlib import redirect_stdout
from pathlib import Path
from types import SimpleNamespace
from unittest import mock

from penguin import audit_database, audit_findings, audit_verify
from tests.audit_support import OTHER, TENANT, SignedTrail

TOOLS = Path(audit_verify.__file__).resolve().parent.parent


class Command(SignedTrail):
    def setUp(self):
        super().setUp()
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)

    def psql(self, script):
        """A program in psql's place."""
        program = self.folder / "psql"
        program.write_text("#!/bin/sh\ncat > script\n" + script)
        program.chmod(0o755)
        return [str(program)]

    def lines(self):
        """What psql would print, in a file."""
        file = self.folder / "lines"
        with open(file, "w") as lines:
            for record in self.trail.records():
                named = {"t": record["t"], **({"seq": record["seq"], "id": record["id"]} if record["t"] == "event" else {}), **record}
                lines.write(json.dumps(named, separators=(", ", " : "), ensure_ascii=False) + "\n")
        return file

    def status(self, script="", command=None, **more):
        chosen = {"key": self.signer.key, "export": None, "manifest": None, "tenant": TENANT, "since": None, "database": None, **more}
        said = io.StringIO()
        before = os.getcwd()
        os.chdir(self.folder)
        try:
            with redirect_stdout(said):
                code = audit_verify.run(SimpleNamespace(**chosen), None, lambda: (command or self.psql(script), None))
        finally:
            os.chdir(before)
        answer = json.loads(said.getvalue())
        self.assertEqual(answer["result"], ("clean", "tampered", "incomplete")[code])
        return code, answer

    def test_clean(self):
        code, answer = self.status(f"cat {self.lines()}")
        self.assertEqual((code, answer["rows"]), (0, 600))
        script = (self.folder / "script").read_text()
        self.assertLess(script.index("repeatable read read only"), script.index("trail_heads"))
        self.assertLess(script.index("trail_pruned"), script.index("trail_events"))
        self.assertTrue(script.rstrip().endswith("commit;"))
        self.assertEqual(self.status(f"cat {self.lines()}", tenant=TENANT.upper())[0], 0)

    def test_a_row_that_cannot_be_read(self):
        lines = self.lines()
        identifier = self.trail.rows[6]["id"]
        lines.write_text(lines.read_text().replace(f'"seq" : 7, "id" : "{identifier}"', f'"seq" : 7, "id" : "{identifier}", "sd" : 1.5'))
        bad = self.status(f"cat {lines}")[1]["first_bad"]
        self.assertEqual((bad["kind"], bad["seq"], bad["id"]), ("row", 7, identifier))

    def test_psql_is_ended_with_the_first_finding(self):
        self.trail.rows[6]["outcome"] = "denied"
        started = time.monotonic()
        code, answer = self.status(f"cat {self.lines()}; exec sleep 60")
        self.assertEqual((code, answer["first_bad"]["seq"]), (1, 7))
        self.assertLess(time.monotonic() - started, 20)

    def test_a_database_that_goes_away(self):
        for lines in (0, 3, 50, 400):
            with self.subTest(lines):
                code, answer = self.status(f"head -{lines} {self.lines()}; echo 'connection lost' >&2; exit 2")
                self.assertEqual((code, answer["problem"]), (2, "connection lost"))
        self.assertEqual(self.status(f"cat {self.lines()}; exit 3")[1]["problem"], "the database does not answer")
        noisy = f"yes noise | head -c 500000 >&2; cat {self.lines()}"
        self.assertEqual(self.status(noisy)[0], 0)

    def test_what_is_not_about_data(self):
        nobody = self.folder / "none"
        for more in (
                {"command": [str(nobody)]}, {"tenant": None}, {"tenant": "x"}, {"tenant": "x'; drop table y"}, {"key": None}, {"key": "x"},
                {"key": ""}, {"key": self.signer.key + "\n" + "x" * 5_000}, {"key": str(self.folder)}, {"export": nobody}, {"export": self.folder},
                {"since": nobody}, {"manifest": nobody}, {"export": self.folder / "\0"}):
            with self.subTest(more):
                code, answer = self.status("exit 0", **more)
                self.assertEqual(code, 2)
                self.assertTrue(answer["problem"])
        (self.folder / "bytes").write_bytes(b"\xff\xfe")
        for name in ("key", "since"):
            self.assertEqual(self.status("exit 0", **{name: self.folder / "bytes"})[0], 2)
        self.assertEqual(self.status("exit 0")[1]["problem"], "there is no trail of this company")

    def test_keys_of_a_file_or_a_text(self):
        two = self.signer.key + "\n" + self.signer.key + "\n"
        (self.folder / "trail.pub").write_text(two)
        for key in (two * 20, str(self.folder / "trail.pub")):
            self.assertEqual(self.status(f"cat {self.lines()}", key=key)[0], 0)

    def test_a_checkpoint_that_was_handed_out(self):
        path = self.folder / "checkpoint"
        root = bytes.fromhex(self.trail.checkpoints[2]["root"])
        for note, code in ((self.trail.checkpoints[2]["note"], 0), (self.signer.checkpoint(300, bytes(32)), 1),
                           (self.signer.checkpoint(300, root, OTHER), 2), (self.trail.checkpoints[2]["note"].replace("300", "301"), 2)):
            path.write_text(note)
            self.assertEqual(self.status(f"cat {self.lines()}", since=path)[0], code)


class Findings(unittest.TestCase):
    def test_nothing_is_a_traceback(self):
        for error in (RecursionError("deep"), MemoryError(), ValueError(), KeyError("x"), BrokenPipeError(), audit_findings.Incomplete("x")):
            with self.subTest(type(error)), redirect_stdout(io.StringIO()) as said:
                self.assertEqual(audit_findings.report(mock.Mock(side_effect=error)), 2)
                self.assertEqual(json.loads(said.getvalue())["result"], "incomplete")

    def test_what_was_found_can_always_be_printed(self):
        with redirect_stdout(io.StringIO()) as said:
            bad = audit_findings.Bad("row", 1 << 70, "\ud800", field="\ud800")
            self.assertEqual(audit_findings.report(mock.Mock(side_effect=bad)), 1)
        self.assertEqual(json.loads(said.getvalue())["first_bad"]["field"], "\ud800")

    def test_a_reader_who_has_gone_changes_nothing(self):
        program = "import sys; from penguin import audit_findings as f\ndef check():{}\nsys.exit(f.report(check))"
        for body, status in ((" return {}", 0), (" raise f.Bad('row')", 1), (" raise f.Incomplete('x')", 2)):
            with self.subTest(status), open("/dev/full", "w") as full:
                command = [sys.executable, "-B", "-c", program.format(body)]
                reader, writer = os.pipe()
                os.close(reader)
                try:
                    gone = subprocess.run(command, cwd=TOOLS, stdout=writer, stderr=subprocess.PIPE, text=True)
                finally:
                    os.close(writer)
                self.assertEqual((gone.returncode, gone.stderr), (status, ""))
                # What could not be told passes for nothing.
                untold = subprocess.run(command, cwd=TOOLS, stdout=full, stderr=subprocess.PIPE, text=True)
                self.assertEqual((untold.returncode, untold.stderr), (2, ""))

    def test_years_before_christ_look_like_none_after(self):
        self.assertIn("' BC'", audit_database.QUERY)


if __name__ == "__main__":
    unittest.main()
