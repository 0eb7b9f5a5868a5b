"""The main job as a user does it, over HTTP through the gateway: from signing up to the last mail."""

import re
import secrets
import time
from dataclasses import dataclass, field

from penguin.api import Api
from penguin.mail import DOMAIN
from penguin.mailbox import Mailbox
from penguin.terminal import Failure, bar, live_line, say, step, wait_until

TEMPLATE = {
    "name": "First contact",
    "subject": "{{first_name|Hello}}, a question about {{company|your work}}",
    "text": "Hello {{first_name|there}},\n\nI saw what {{company|your company}} does in {{city|your city}} and have a question.\n"
    "May I send you two sentences about it?\n\nAda\n\n{{postal_address}}\nNo more of these: {{unsubscribe_url}}\n",
    "html": "<p>Hello {{first_name|there}},</p><p>I saw what {{company|your company}} does in {{city|your city}} and have a question. "
    "May I send you two sentences about it?</p><p>Ada</p><p>{{postal_address}}<br><a href=\"{{unsubscribe_url}}\">No more of these</a></p>",
}
STATES = ("waiting", "queued", "sent", "bounced", "failed", "held", "suppressed", "deferred")
# A campaign that has not moved for this long will not.
PATIENCE = 120


@dataclass
class Journey:
    """One new company with one campaign; a second run is a second company, so it never stumbles over the first."""

    api: Api
    maildir: object
    mail_port: int
    mail_password: str
    began: float = field(default_factory=time.time)
    # Where the services reach the mail server, and how we see what it caught; None: in its Maildir.
    mail_host: str = "localhost"
    mailbox: object = None

    def __post_init__(self):
        self.name = f"run-{int(self.began)}-{secrets.token_hex(3)}"
        # Of its own: a domain belongs to one company.
        self.domain = f"{self.name}.{DOMAIN}"
        self.address = f"ada@{self.domain}"
        self.password = secrets.token_urlsafe(18)
        self.mailbox = self.mailbox or Mailbox(self.maildir, self.began)

    def sign_up(self):
        with step("Signing up, with the code from the mail that arrives"):
            person = {"email": self.address, "password": self.password, "name": "Ada Example", "company": f"Example Company {self.name}"}
            self.api.post("/api/v1/auth/sign-up", person)
            code = wait_until("The arrival of the verification mail", self._code, 60)
            self.api.post("/api/v1/auth/verify-email", {"email": self.address, "code": code})
        with step("Signing in"):
            answer = self.api.post("/api/v1/auth/sign-in", {"email": self.address, "password": self.password})
            if not answer["user"]["verified"]:
                raise Failure("The address is not verified, although the code was taken.")

    def _code(self):
        for mail in self.mailbox.mails():
            if mail.recipients == (self.address,):
                found = re.search(r"\b\d{6}\b", mail.text())
                return found and found.group()
        return None

    def set_up(self):
        """The plan, a workspace and a mailbox; the API tries the mailbox at its server before it takes it."""
        with step("Looking at the plan"):
            # Billing hears of a new company a moment later.
            self.api.get("/api/v1/billing/subscription", patience=30)
        with step("Creating a workspace"):
            workspace = {"name": "Outreach", "postal_address": "Example Company, 1 Harbour Street, 8000 Example"}
            self.workspace = self.api.post("/api/v1/workspaces", workspace)["id"]
        with step("Connecting a mailbox (SMTP is tried first)"):
            smtp = {"host": self.mail_host, "port": self.mail_port, "security": "starttls", "username": "demo", "password": self.mail_password}
            mailbox = {"workspace": self.workspace, "address": self.address, "display_name": "Ada Example", "smtp": smtp}
            self.sender = self.api.post("/api/v1/mailboxes", mailbox)["id"]

    def authenticate(self, publish):
        """The company's domain: without its records in DNS no campaign is launched."""
        with step("Adding the domain, publishing the records that it asks for, and checking them"):
            domain = self.api.post("/api/v1/domains", {"workspace": self.workspace, "domain": self.domain})
            publish(domain["records"])
            checked = self.api.post(f"/api/v1/domains/{domain['id']}/check")
        if not checked["is_authenticated"]:
            faults = [
                f"{record['name']}: {finding['code']}" for record in checked["records"] if record["is_required"] for finding in record["findings"]]
            raise Failure(f"The domain {self.domain} is {checked['state']} although its records are published: {', '.join(faults)}")

    def import_leads(self, path):
        with step(f"Importing {path.name}"):
            with open(path, "rb") as file:
                self.leads = self.api.upload(
                    "/api/v1/imports", file, path.stat().st_size, "text/csv; charset=utf-8", workspace=self.workspace, duplicates="skip",
                    file_name=path.name)
            self.rejections = list(self.api.every(f"/api/v1/imports/{self.leads['id']}/errors"))
        say(f"    {self.leads['created']} leads, {self.leads['duplicates']} repeats, {self.leads['rejected']} rows rejected")

    def launch(self):
        with step("Writing a template and launching the campaign"):
            template = self.api.post("/api/v1/templates", {"workspace": self.workspace, **TEMPLATE})
            campaign = {"workspace": self.workspace, "name": "Demo", "template": template["id"], **self.senders()}
            self.campaign = self.api.post("/api/v1/campaigns", campaign)["id"]
            self.launched = time.monotonic()
            self.api.post(f"/api/v1/campaigns/{self.campaign}/launch")

    def senders(self):
        """The part of the campaign that names by whom it is sent."""
        return {"mailbox": self.sender}

    def watch(self, on_progress=lambda progress: None):
        """Shows the campaign move until it is done; returns its last progress and how many seconds it took."""
        moved, last = time.monotonic(), None
        with live_line() as line:
            while True:
                progress = self.api.get(f"/api/v1/campaigns/{self.campaign}/progress", patience=PATIENCE)
                # The campaign has one step: whoever is through with it was sent its mail.
                progress["sent"] = progress["finished"]
                states = {state: progress[state] for state in STATES}
                if states != last:
                    moved, last = time.monotonic(), states
                done = progress.get("finished_at") is not None
                line(self._line(progress), final=done)
                if done:
                    return progress, time.monotonic() - self.launched
                on_progress(progress)
                if time.monotonic() - moved > PATIENCE:
                    still = ", ".join(f"{count} {state}" for state, count in states.items() if count)
                    raise Failure(f"The campaign has not moved for {PATIENCE} s: {still or 'nothing was enrolled'}. ./penguin logs may say why.")
                time.sleep(0.1)

    def _line(self, progress):
        finished = sum(progress[state] for state in ("sent", "bounced", "failed", "held", "suppressed"))
        rate = finished / max(0.1, time.monotonic() - self.launched)
        parts = [f"{progress[state]} {state}" for state in STATES if progress[state]]
        return f"  Sending {bar(finished, progress['total'])} {finished} of {progress['total']}, {rate:.0f} a second ({', '.join(parts) or 'starting'})"

    def stored(self):
        """The mails of this campaign in the mail server's store."""
        return [mail for mail in self.mailbox.mails() if mail.sender == self.address]

    def audit_actions(self, expected, seconds=60):
        """What the trail says was done, once the `expected` actions have arrived in it."""
        deadline = time.monotonic() + seconds
        while True:
            actions = [event["action"] for event in self.api.every("/api/v1/audit/events")]
            if expected <= set(actions) or time.monotonic() > deadline:
                return actions
            time.sleep(0.2)
