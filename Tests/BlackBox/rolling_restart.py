"""Every service is restarted while people work and a campaign goes out: no request fails, no mail is lost or doubled.

    rolling_restart.py FOLDER

Starts a stack in FOLDER. Prints a line a step; ends with 1 at the first thing that is not so.
"""

import sys
import threading
import time
from collections import Counter

from trial import BEGAN, company, penguin, same, step, write_leads

from penguin.api import Api
from penguin.journey import TEMPLATE
from penguin.layout import SERVICES, Layout, read_json
from penguin.terminal import wait_until

LEADS = 800
# One route of each service, and two that change something and ask a peer on the way.
READS = ("/api/v1/auth/session", "/api/v1/billing/subscription", "/api/v1/campaigns", "/api/v1/mailboxes", "/api/v1/audit/events", "/api/v1/status")
PEOPLE = 3


class Person(threading.Thread):
    """Asks without a pause and remembers what was not answered as it should be."""

    def __init__(self, api, workspace):
        super().__init__(daemon=True)
        self.api, self.workspace = api, workspace
        self.stopped, self.done, self.failures = threading.Event(), 0, []

    def run(self):
        turn = 0
        while not self.stopped.is_set():
            turn += 1
            try:
                if turn % 4:
                    # No patience: an answer that says "not now" is a failure here.
                    self.api.get(READS[turn % len(READS)], patience=-1)
                else:
                    template = self.api.post("/api/v1/templates", {"workspace": self.workspace, **TEMPLATE, "name": f"{self.name} {turn}"})
                    self.api.get(f"/api/v1/templates/{template['id']}", patience=-1)
                self.done += 1
            except Exception as error:
                self.failures.append(f"{time.monotonic() - BEGAN:.1f} s: {error}")


def main(folder):
    layout = Layout(folder)
    # One line to the mail server, so that the campaign lasts.
    penguin(layout, "up", "--detach", "--no-build", DELIVERY_CONNECTIONS_PER_MAILBOX="1")
    try:
        trial(layout)
    finally:
        penguin(layout, "down", check=False)


def trial(layout):
    journey = company(layout)
    journey.import_leads(write_leads(layout.folder / "leads.csv", LEADS))
    people = []
    for _ in range(PEOPLE):
        api = Api(journey.api.base_url, layout.authority)
        api.post("/api/v1/auth/sign-in", {"email": journey.address, "password": journey.password})
        people.append(Person(api, journey.workspace))
    journey.launch()
    for person in people:
        person.start()
    step(f"{PEOPLE} people work and {LEADS} mails go out while all services are restarted")
    wait_until("The first answers", lambda: all(person.done > 10 for person in people), 60)
    before = read_json(layout.state)["processes"]
    print(penguin(layout, "restart", "--rolling").stderr, flush=True)
    after = read_json(layout.state)["processes"]
    same([name for name in SERVICES if before[name] == after[name]], [])
    same([name for name in before if name not in SERVICES and before[name] != after[name]], [])
    for person in people:
        person.stopped.set()
    for person in people:
        person.join(30)
    failures = [failure for person in people for failure in person.failures]
    step(f"{sum(person.done for person in people)} requests, {len(failures)} failed")
    same(failures, [])
    step("and a second time, back to where they were; one service by name")
    penguin(layout, "restart", "--rolling", "delivery")
    progress, _ = journey.watch()
    step("every lead has its mail, once")
    same((progress["finished"], progress["held"], progress["total"]), (LEADS, 0, LEADS))
    found = Counter(mail.recipients for mail in journey.stored())
    same((len(found), set(found.values())), (LEADS, {1}))


main(sys.argv[1])
