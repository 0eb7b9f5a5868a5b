"""The mail server that fails on purpose and the lines that can be cut, as processes; and the clock that is stepped."""

import json
import os
import shutil
import smtplib
import socket
import subprocess
import sys
import tempfile
import threading
import time
import unittest
from pathlib import Path

from chaos.ground import step_clock
from penguin.layout import ROOT, write_private_json
from penguin.processes import end_with
from tests.support import eventually, free_port


class Server:
    """A program of ours that ends with the test."""

    def __init__(self, test, script, *arguments):
        parent = os.getpid()
        process = subprocess.Popen(
            [sys.executable, "-B", str(ROOT / "Tools" / script), *map(str, arguments)], stdout=subprocess.DEVNULL,
            preexec_fn=lambda: end_with(parent))
        test.addCleanup(process.wait)
        test.addCleanup(process.terminate)


def folder(test):
    made = tempfile.TemporaryDirectory(prefix="penguin-tools-")
    test.addCleanup(made.cleanup)
    return Path(made.name)


def listens(port):
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


class RecordingServerTests(unittest.TestCase):
    def setUp(self):
        place = folder(self)
        self.record, self.control, self.port = place / "record", place / "control", free_port()
        self.number = 0
        Server(self, "mailserver/recording.py", "--port", self.port, "--record", self.record, "--control", self.control)
        eventually(lambda: listens(self.port))

    def fault(self, name=None, **more):
        self.number += 1
        write_private_json(self.control, {"number": self.number, **({"fault": name} if name else {}), **more})
        # Looked at every 30 ms.
        time.sleep(0.2)

    def send(self, name, timeout=20):
        with smtplib.SMTP("127.0.0.1", self.port, timeout=timeout) as client:
            client.sendmail("a@x.example", [f"{name}@x.example"], f"Message-ID: <{name}@x.example>\r\nSubject: Hi\r\n\r\nMessage-ID: <body>\r\n")

    def fates(self):
        return [(line["id"], line["to"].partition("@")[0], line["fate"]) for line in map(json.loads, self.record.read_text().splitlines())]

    def test_a_mail_is_written_down_with_its_message_id(self):
        self.send("one")
        self.send("two")
        self.assertEqual(self.fates(), [("one@x.example", "one", "taken"), ("two@x.example", "two", "taken")])

    def test_dropped_mails_are_kept_or_not_and_so_many_only(self):
        for fault, fate in (("drop-kept", "silent"), ("drop-lost", "lost")):
            self.fault(fault, mails=1)
            with self.assertRaises(smtplib.SMTPServerDisconnected):
                self.send(fate)
            self.send(f"after-{fate}")
            self.assertEqual([entry[1:] for entry in self.fates()[-2:]], [(fate, fate), (f"after-{fate}", "taken")])

    def test_refusals_come_where_they_are_asked_for(self):
        for fault, code, fate in (
                ("later-recipient", 450, "later"), ("refuse-recipient", 550, "refused"), ("later-dot", 451, "later"), ("refuse-dot", 554, "refused")):
            self.fault(fault, mails=1)
            with self.assertRaises((smtplib.SMTPRecipientsRefused, smtplib.SMTPDataError)) as caught:
                self.send(fault)
            self.assertIn(str(code), str(caught.exception))
            self.assertEqual(self.fates()[-1], (None if fault.endswith("recipient") else f"{fault}@x.example", fault, fate))

    def test_what_hangs_breaks_when_the_fault_ends(self):
        for fault in ("hang-greeting", "hang-command", "hang-kept", "hang-lost"):
            self.fault(fault)
            broken = []

            def attempt():
                try:
                    self.send(fault)
                except (smtplib.SMTPException, OSError) as error:
                    broken.append(error)
            client = threading.Thread(target=attempt)
            client.start()
            client.join(0.5)
            self.assertTrue(client.is_alive(), fault)
            self.fault()
            client.join(10)
            self.assertEqual(len(broken), 1, fault)
        self.assertEqual([entry[1:] for entry in self.fates()], [("hang-kept", "silent"), ("hang-lost", "lost")])
        self.send("well")

    def test_a_tarpit_takes_its_time(self):
        self.fault("tarpit")
        began = time.monotonic()
        self.send("slow")
        self.assertGreater(time.monotonic() - began, 1.5)


class RelayTests(unittest.TestCase):
    def setUp(self):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.addCleanup(self.listener.close)
        threading.Thread(target=self.echo, daemon=True).start()
        place = folder(self)
        lines, self.control, self.port = place / "lines", place / "control", free_port()
        write_private_json(lines, {"a>b": [self.port, self.listener.getsockname()[1]]})
        Server(self, "chaos/relay.py", "--lines", lines, "--control", self.control)
        eventually(lambda: listens(self.port))

    def echo(self):
        def answer(line):
            with line:
                while data := line.recv(65_536):
                    line.sendall(data)
        while True:
            try:
                line, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=answer, args=(line,), daemon=True).start()

    def set(self, fault):
        write_private_json(self.control, {"a>b": fault} if fault else {})
        time.sleep(0.2)

    def connect(self):
        line = socket.create_connection(("127.0.0.1", self.port), timeout=10)
        self.addCleanup(line.close)
        return line

    def ask(self, line, words):
        line.sendall(words)
        found = b""
        while len(found) < len(words):
            part = line.recv(65_536)
            if not part:
                raise ConnectionResetError
            found += part
        return found

    def test_bytes_go_both_ways_however_many(self):
        line, words = self.connect(), os.urandom(8 << 20)
        threading.Thread(target=line.sendall, args=(words,), daemon=True).start()
        found = b""
        while len(found) < len(words):
            found += line.recv(1 << 20)
        self.assertEqual(found, words)

    def test_a_reset_line_breaks_what_is_there_and_takes_nothing_new_until_it_is_whole(self):
        line = self.connect()
        self.assertEqual(self.ask(line, b"before"), b"before")
        self.set("reset")
        with self.assertRaises(OSError):
            self.ask(line, b"now")
            self.ask(line, b"and now")
        with self.assertRaises(OSError):
            self.ask(self.connect(), b"new")
        self.set(None)
        self.assertEqual(self.ask(self.connect(), b"after"), b"after")

    def test_a_stalled_line_lets_nothing_through_and_loses_nothing(self):
        line = self.connect()
        self.ask(line, b"before")
        self.set("stall")
        line.sendall(b"meanwhile")
        late = self.connect()
        late.sendall(b"late")
        for each in (line, late):
            each.settimeout(0.5)
            with self.assertRaises(TimeoutError):
                each.recv(100)
            each.settimeout(10)
        self.set(None)
        self.assertEqual(line.recv(100), b"meanwhile")
        self.assertEqual(late.recv(100), b"late")


class ClockTests(unittest.TestCase):
    def test_the_wall_clock_is_stepped_in_a_running_process_and_the_monotonic_one_is_not(self):
        place = folder(self)
        library, step = place / "clock.so", place / "step"
        compiler = shutil.which("clang") or shutil.which("cc")
        subprocess.run([compiler, "-shared", "-fPIC", "-Wall", "-Wextra", "-Werror", "-o", library, ROOT / "Tools/chaos/clock.c", "-ldl"], check=True)
        step_clock(step, 0)
        script = "import time\nfor _ in iter(input, ''): print(time.time(), time.monotonic(), flush=True)"
        with subprocess.Popen(
                [sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                env={**os.environ, "LD_PRELOAD": str(library), "PENGUIN_CLOCK_STEP": str(step)}) as process:
            def off():
                process.stdin.write("x\n")
                process.stdin.flush()
                wall, monotonic = map(float, process.stdout.readline().split())
                return wall - time.time(), monotonic - time.monotonic()
            for seconds in (0, 90, -3600, 0):
                step_clock(step, seconds)
                wall, monotonic = off()
                self.assertAlmostEqual(wall, seconds, delta=2)
                self.assertAlmostEqual(monotonic, 0, delta=2)
            process.stdin.write("\n")


if __name__ == "__main__":
    unittest.main()
