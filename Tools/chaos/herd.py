"""Sees to what stands still: lets hours pass in a moment, and resumes mailboxes as their owners would."""

import threading

from chaos.database import HURRY, OPEN

PERIOD = 1.0


class Herd:
    """Looks once a second, in a thread of its own: a database whose disk is full may not answer, and whoever causes faults must go on to end them."""

    def __init__(self, companies, database):
        self._companies = companies
        self._database = database
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        # Said by whoever counts the mails.
        self.is_stalled = False
        # Whether every mail has its end and every campaign is completed.
        self.is_through = False
        self.hurried = 0
        self.resumed = 0

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._over.set()
        self._thread.join(180)

    def _run(self):
        while not self._over.wait(PERIOD):
            self.look()
            if self.is_stalled and not self.is_through:
                self.hurry()

    def look(self):
        answer = self._database.attempt(OPEN)
        self.is_through = answer is not None and answer.strip() == "0"
        return self.is_through

    def hurry(self):
        if self._database.attempt(HURRY) is not None:
            self.hurried += 1
        paused = (self._database.attempt("select id from delivery.mailboxes where state <> 'active'") or "").split()
        if paused:
            self.resumed += sum(company.resume_mailboxes(paused) for company in self._companies)
