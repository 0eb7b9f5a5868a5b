"""What owners go on doing while everything fails: each act that is answered must have been done, and stand in the trail once."""

import secrets
import threading

from penguin.journey import TEMPLATE
from penguin.terminal import Failure

PAUSE = 0.5


class Acts:
    """Makes a template of one company after the other until it is told to stop; in a thread, since an answer may take its time."""

    def __init__(self, companies):
        self._companies = companies
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        # Company → templates whose making was answered.
        self.answered = {}
        self.unanswered = 0

    def start(self):
        self._thread.start()

    def stop(self):
        self._over.set()
        self._thread.join(120)

    def _run(self):
        number = 0
        while not self._over.wait(PAUSE):
            company = self._companies[number % len(self._companies)]
            number += 1
            try:
                made = company.api.post("/api/v1/templates", {"workspace": company.workspace, **TEMPLATE, "name": f"Act {secrets.token_hex(4)}"})
                self.answered.setdefault(company.number, []).append(made["id"])
            except Failure:
                self.unanswered += 1
