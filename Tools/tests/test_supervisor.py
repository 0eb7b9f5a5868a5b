"""The supervisor with small processes of its own: restarts, failures, and that nothing is ever left behind."""

import os
import signal
import subprocess
import sys
import tempfile
import unittest

from penguin import stack
from penguin.layout import ROOT, Layout, read_json, write_private_json
from penguin.processes import fingerprint, is_alive
from tests.support import eventually

# Two groups of one process; what is called neither first nor second never gets ready.
PROGRAM = """
import sys
from penguin.component import Component
from penguin.layout import Layout
from penguin.supervisor import Supervisor
from penguin.terminal import Failure, Interrupted

layout = Layout(sys.argv[1])
layout.make()

def component(name, script):
    return Component(name, ["/bin/sh", "-c", script], layout.log(name), missing=lambda _: None if name in ("first", "second") else "it takes its time", start_seconds=2)

supervisor = Supervisor(layout)
try:
    supervisor.acquire()
    try:
        supervisor.start([[component("first", "exec sleep 600")], [component(sys.argv[2], sys.argv[3])]], {"url": "none"})
        supervisor.keep()
    finally:
        supervisor.stop()
except Interrupted:
    pass
except Failure as failure:
    sys.exit(str(failure))
"""


class SupervisorTests(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="penguin-supervisor-")
        self.addCleanup(folder.cleanup)
        self.layout = Layout(folder.name)

    def start(self, name="second", script="exec sleep 600"):
        process = subprocess.Popen(
            [sys.executable, "-c", PROGRAM, str(self.layout.folder), name, script], cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT / "Tools")},
            stderr=subprocess.PIPE, text=True)
        self.addCleanup(process.stderr.close)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        return process

    def processes(self):
        return eventually(lambda: stack.is_ready(self.layout) and read_json(self.layout.state))["processes"]

    def expect_gone(self, processes):
        eventually(lambda: not any(is_alive(process) for process in processes.values()))

    def test_a_stop_ends_everything(self):
        supervisor = self.start()
        processes = self.processes()
        self.assertEqual(set(processes), {"first", "second"})
        supervisor.send_signal(signal.SIGINT)
        self.assertEqual(supervisor.wait(20), 0)
        self.expect_gone(processes)
        self.assertFalse(self.layout.state.exists())

    def test_down_stops_a_stack_of_another_process(self):
        self.start()
        processes = self.processes()
        self.assertTrue(stack.stop(self.layout))
        self.expect_gone(processes)
        self.assertFalse(stack.stop(self.layout))

    def test_a_killed_supervisor_leaves_no_orphans(self):
        supervisor = self.start()
        processes = self.processes()
        supervisor.kill()
        self.expect_gone(processes)
        again = self.start()
        eventually(lambda: self.processes().keys() == processes.keys() and self.processes() != processes)
        again.terminate()
        self.assertEqual(again.wait(20), 0)

    def test_what_crashes_is_started_again(self):
        self.start()
        before = self.processes()
        os.kill(before["second"]["pid"], signal.SIGKILL)
        after = eventually(lambda: self.processes().get("second") not in (None, before["second"]) and self.processes())
        self.assertTrue(is_alive(after["second"]))
        self.assertEqual(after["first"], before["first"])

    def test_what_is_held_stays_away_until_it_is_let_go(self):
        self.start()
        before = self.processes()
        running = stack.RunningStack.find(self.layout)
        with running.without("second"):
            self.assertFalse(is_alive(before["second"]))
            # Who died later is back: the supervisor has passed the other by.
            os.kill(before["first"]["pid"], signal.SIGKILL)
            eventually(lambda: running.process("first") not in (None, before["first"]))
            self.assertIsNone(running.process("second"))
        self.assertNotIn(running.process("second"), (None, before["second"]))

    def test_who_held_it_and_died_holds_it_no_more(self):
        self.start()
        before = self.processes()
        gone = subprocess.Popen(["sleep", "600"])
        write_private_json(self.layout.held("second"), fingerprint(gone.pid))
        os.kill(before["second"]["pid"], signal.SIGKILL)
        gone.kill()
        gone.wait()
        eventually(lambda: self.processes().get("second") not in (None, before["second"]))

    def test_a_failing_start_says_why_and_leaves_nothing(self):
        for name, script, words in [("broken", "echo no such luck; exit 3", "ended with status 3"), ("slow", "exec sleep 600", "it takes its time")]:
            with self.subTest(name):
                supervisor = self.start(name, script)
                _, errors = supervisor.communicate(timeout=30)
                self.assertEqual(supervisor.returncode, 1)
                self.assertIn(words, errors)
                self.assertFalse(self.layout.state.exists())
                self.assertEqual(subprocess.run(["pgrep", "-s", str(supervisor.pid)], capture_output=True).stdout, b"")
        self.assertIn("no such luck", self.layout.log("broken").read_text())

    def test_there_is_one_supervisor_of_a_folder(self):
        self.start()
        self.processes()
        second = self.start()
        _, errors = second.communicate(timeout=20)
        self.assertEqual(second.returncode, 1)
        self.assertIn("running already", errors)
        self.assertTrue(stack.is_ready(self.layout))

    def test_a_stranger_with_the_same_process_id_is_left_alone(self):
        stranger = subprocess.Popen(["sleep", "600"])
        self.addCleanup(stranger.wait)
        self.addCleanup(stranger.kill)
        self.layout.make()
        self.layout.state.write_text('{"ready": true, "supervisor": {"pid": %d, "started": 1}, "processes": {"x": {"pid": %d, "started": 1}}}' % ((stranger.pid,) * 2))
        self.assertFalse(stack.is_ready(self.layout))
        self.assertFalse(stack.stop(self.layout))
        self.assertIsNone(stranger.poll())
