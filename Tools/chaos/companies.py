"""The companies of a run, made as their owners make them: over HTTP, through the gateway."""

import contextlib
import csv
import io
import random
import tempfile
from pathlib import Path

from penguin import dns
from penguin.api import Api
from penguin.journey import Journey
from penguin.layout import read_json
from penguin.terminal import Failure, step

MAILBOXES = 3
# Some of each company's leads are on its suppression list before anything is sent.
SUPPRESSED = 50
DESTINATIONS = [f"{name}.example" for name in ("north", "south", "east", "west", "harbour", "mill", "bridge", "castle")]


class Company(Journey):
    """One company with its mailboxes at the recording server, and one campaign to all of its leads."""

    def prepare(self, running, layout, number, leads, policy):
        self.number = number
        self.policy = policy
        self.addresses = [f"lead{lead}.of{number}@{DESTINATIONS[lead % len(DESTINATIONS)]}" for lead in range(leads)]
        self.suppressed = self.addresses[::SUPPRESSED]
        with contextlib.redirect_stderr(io.StringIO()):
            self.sign_up()
            self._connect(running.facts["sink"])
            self.authenticate(lambda records: dns.publish(layout, self.domain, records))
            self._import()
            self.api.put("/api/v1/sends/settings", {"ambiguous": policy})
            for first in range(0, len(self.suppressed), 100):
                entries = [{"address": address, "reason": "manual"} for address in self.suppressed[first:first + 100]]
                self.api.post("/api/v1/suppressions", {"entries": entries})

    def _connect(self, port):
        # Billing hears of a new company a moment later.
        self.api.get("/api/v1/billing/subscription", patience=30)
        self.workspace = self.api.post(
            "/api/v1/workspaces", {"name": "Outreach", "postal_address": "Example Company, 1 Harbour Street, 8000 Example"})["id"]
        smtp = {"host": "127.0.0.1", "port": port, "security": "none", "username": "", "password": ""}
        self.mailboxes = [
            self.api.post(
                "/api/v1/mailboxes",
                {"workspace": self.workspace, "address": f"box{number}@{self.domain}", "display_name": "Ada Example", "smtp": smtp})["id"]
            for number in range(MAILBOXES)
        ]

    def _import(self):
        chance = random.Random(self.number)
        with tempfile.TemporaryDirectory() as scratch:
            path = Path(scratch) / "leads.csv"
            with open(path, "w", newline="", encoding="utf-8") as file:
                writer = csv.writer(file)
                writer.writerow(["email", "first_name", "company", "city"])
                for address in self.addresses:
                    writer.writerow([address, chance.choice(("Ada", "Noor", "Zoë", "Łucja")), "Nordlys ApS", "København"])
            self.import_leads(path)
        if self.leads["created"] != len(self.addresses):
            raise Failure(f"{self.leads['created']} of {len(self.addresses)} leads were imported: {self.rejections[:3]}")

    def launch(self):
        with contextlib.redirect_stderr(io.StringIO()):
            super().launch()

    def senders(self):
        return {"mailboxes": self.mailboxes}

    def resume_mailboxes(self, paused):
        """As its owner would who has seen why they paused; how many are active again."""
        resumed = 0
        for mailbox in paused:
            if mailbox in self.mailboxes:
                with contextlib.suppress(Failure):
                    self.api.post(f"/api/v1/mailboxes/{mailbox}/resume")
                    resumed += 1
        return resumed


def make(running, layout, mails, count):
    """`count` companies that send `mails` between them, half of which have mail of unknown fate sent again."""
    facts, passwords = running.facts, read_json(layout.secrets)
    made = []
    for number in range(count):
        leads = mails // count + (1 if number < mails % count else 0)
        policy = "resend" if number % 2 else "hold"
        with step(f"Company {number + 1} of {count}: {leads} leads, {MAILBOXES} mailboxes, policy {policy}"):
            company = Company(Api(facts["url"], layout.authority), layout.maildir, facts["ports"]["mail"], passwords["mail_demo"])
            company.prepare(running, layout, number, leads, policy)
            made.append(company)
    return made

