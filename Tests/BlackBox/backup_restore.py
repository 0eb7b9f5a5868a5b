"""A half-sent campaign survives the loss of everything but a backup: nothing is lost, nothing goes out twice.

    backup_restore.py FOLDER

Two stacks, one after the other, in FOLDER. The first sends two campaigns, is backed up in the middle, goes on, and dies with all that it had; what
mail servers took stays, as it would anywhere. The second begins from the backup alone. Prints a line a step; ends with 1 at the first thing that is not
so.
"""

import hashlib
import json
import shutil
import signal
import sys
from collections import Counter
from pathlib import Path

from trial import company, penguin, refused, same, step, write_leads

from penguin.api import Api, Refusal
from penguin.journey import TEMPLATE
from penguin.layout import Layout, read_json
from penguin.mailbox import Mailbox
from penguin.processes import end, is_alive, send
from penguin.terminal import wait_until

LEADS = 240
FOLDER = Path(sys.argv[1]).absolute()
BACKUP, MOVE, PASSPHRASE = FOLDER / "stack.backup", FOLDER / "move.backup", FOLDER / "passphrase"
OPEN = ("waiting", "queued", "deferred")


def main():
    first, second = Layout(FOLDER / "first"), Layout(FOLDER / "second")
    PASSPHRASE.write_text("a passphrase for this trial\n")
    try:
        lost(first)
        came_back(first, second)
        moved(second, Layout(FOLDER / "third"))
    finally:
        for layout in (first, second):
            penguin(layout, "down", check=False)


def lost(layout):
    """From signing up to the disaster."""
    global journey, campaigns
    step("a company sends one campaign and has another one paused")
    # One line to the mail server, so that the backup finds a campaign half-sent.
    penguin(layout, "up", "--detach", "--no-build", DELIVERY_CONNECTIONS_PER_MAILBOX="1")
    journey = company(layout)
    journey.import_leads(write_leads(FOLDER / "leads.csv", LEADS))
    # Before the backup nothing of it is with Delivery but what its first round took; afterwards somebody lets it go on.
    paused = launch("Paused")
    journey.api.post(f"/api/v1/campaigns/{paused}/pause")
    wait_until("The end of the paused campaign's enrolling or its pause", lambda: progress(paused)["status"] == "paused", 30)
    sending = launch("Sending")
    campaigns = {"sending": sending, "paused": paused}
    wait_until("A tenth of the mails", lambda: progress(sending)["finished"] >= LEADS // 10, 60)
    penguin(layout, "backup", str(BACKUP), "--passphrase-file", str(PASSPHRASE))
    step("the backup is a file that only its owner reads, and nothing of it lies in the clear")
    same(BACKUP.stat().st_mode & 0o777, 0o600)
    same([path.name for path in FOLDER.iterdir() if ".partial" in path.name], [])
    same(journey.domain.encode() in BACKUP.read_bytes(), False)
    step("after it the first campaign ends and a part of the other goes out; then everything is lost")
    wait_until("The end of the first campaign", lambda: not unsent(sending), 60)
    journey.api.post(f"/api/v1/campaigns/{paused}/resume")
    wait_until("A quarter of the other's mails", lambda: progress(paused)["finished"] >= LEADS // 4, 60)
    kill(layout)
    shutil.move(layout.maildir, FOLDER / "maildir")
    shutil.rmtree(layout.postgres.resolve())
    shutil.rmtree(layout.folder)


def came_back(first, second):
    before = mails(FOLDER / "maildir")
    step(f"{sum(before.values())} mails are out; a wrong passphrase, half a backup and a folder in use are refused")
    (FOLDER / "half").write_bytes(BACKUP.read_bytes()[:BACKUP.stat().st_size // 2])
    (FOLDER / "wrong").write_text("another passphrase altogether\n")
    for words, file, passphrase in (("The passphrase is wrong", BACKUP, FOLDER / "wrong"), ("", FOLDER / "half", PASSPHRASE)):
        refused(words, penguin(second, "restore", str(file), "--passphrase-file", str(passphrase), check=False))
    refused("Services were at work", penguin(second, "restore", str(BACKUP), "--passphrase-file", str(PASSPHRASE), "--sent-until", "backup", check=False))
    same(second.postgres.exists(), False)
    step("restored into an empty folder")
    answer = penguin(second, "restore", str(BACKUP), "--passphrase-file", str(PASSPHRASE), "--json")
    report = json.loads(answer.stdout)["done"]
    print(f"  {report}", flush=True)
    # Of the first campaign what the ledger knew, of the other what it did not.
    same(report["mails_held"] > 0 and report["mails_to_be_held"] > 0, True)
    refused("is not empty", penguin(second, "restore", str(BACKUP), "--passphrase-file", str(PASSPHRASE), check=False))
    shutil.rmtree(second.maildir, ignore_errors=True)
    shutil.move(FOLDER / "maildir", second.maildir)
    penguin(second, "up", "--detach", "--no-build")
    journey.api.base_url = read_json(second.state)["url"]
    journey.maildir = second.maildir
    step("who was signed in is not; who signs in finds everything as of the backup")
    try:
        journey.api.get("/api/v1/workspaces")
        raise SystemExit("The old session still lives.")
    except Refusal as refusal:
        same(refusal.status, 401)
    journey.api = Api(journey.api.base_url, second.authority)
    journey.api.post("/api/v1/auth/sign-in", {"email": journey.address, "password": journey.password})
    same(progress(campaigns["paused"])["status"], "paused")
    journey.api.post(f"/api/v1/campaigns/{campaigns['paused']}/resume")
    step("both campaigns come to where nothing moves, and no mail has gone out a second time")
    for campaign in campaigns.values():
        wait_until("That all mails are known or held", lambda: not unsent(campaign), 90)
    same(mails(second.maildir), before)
    held = list(journey.api.every("/api/v1/sends/ambiguous"))
    states = {name: progress(campaign) for name, campaign in campaigns.items()}
    same(len(held), sum(state["held"] for state in states.values()))
    same({state["finished"] + state["held"] for state in states.values()}, {LEADS})
    journey.tenant = journey.api.get("/api/v1/tenants/current")["id"]
    there = sum(identifier(one) in before for one in held)
    step(f"{len(held)} held mails are settled by what the mail server has: {there} are there, {len(held) - there} are sent")
    same(there > 0 and len(held) > there, True)
    for one in held:
        journey.api.post(f"/api/v1/sends/{one['id']}/settle", {"as": "sent" if identifier(one) in before else "resend"})
    for campaign in campaigns.values():
        wait_until("The end of the campaign", lambda: progress(campaign)["finished"] == LEADS, 90)
        same(progress(campaign)["status"], "completed")
    step("every lead has each campaign's mail, once")
    after = mails(second.maildir)
    same(set(after.values()), {1})
    same(len(after), 2 * LEADS)
    same(set(before) <= set(after), True)
    step("the trail says that it was restored")
    same("platform.restore" in journey.audit_actions({"platform.restore"}), True)
    step("the queue's counters are what the jobs say")
    drift = penguin(second, "psql", "delivery", "-Atc", DRIFT).stdout.strip()
    same(drift, "0|0|0")
    same(penguin(second, "psql", "delivery", "-Atc", "select count(*) from uncertain_sends").stdout.strip(), "0")


def moved(second, third):
    step("a stack that is down is backed up and moved: nothing is held")
    penguin(second, "down")
    penguin(second, "backup", str(MOVE), "--passphrase-file", str(PASSPHRASE))
    answer = penguin(third, "restore", str(MOVE), "--passphrase-file", str(PASSPHRASE), "--sent-until", "backup", "--json")
    same(sorted(json.loads(answer.stdout)["done"]), ["sessions_ended", "support_sessions_ended"])


DRIFT = """
    select c.waiting - j.waiting, c.active - j.active, c.failed - j.failed from
        (select sum(waiting) as waiting, sum(active) as active, sum(failed) as failed from queue_counters where queue like 'queue:email%') c,
        (select count(*) filter (where state in ('queued', 'gated')) as waiting, count(*) filter (where state = 'running') as active,
            count(*) filter (where state = 'failed') as failed from jobs where queue like 'queue:email%') j
"""


def launch(name):
    template = journey.api.post("/api/v1/templates", {"workspace": journey.workspace, **TEMPLATE, "name": name})
    campaign = {"workspace": journey.workspace, "name": name, "template": template["id"], "mailbox": journey.sender}
    identifier = journey.api.post("/api/v1/campaigns", campaign)["id"]
    journey.api.post(f"/api/v1/campaigns/{identifier}/launch")
    return identifier


def progress(campaign):
    return journey.api.get(f"/api/v1/campaigns/{campaign}/progress", patience=60)


def unsent(campaign):
    state = progress(campaign)
    return state["total"] < LEADS or sum(state[name] for name in OPEN)


def identifier(held):
    """The Message-ID that the mail has had at every try."""
    digest = hashlib.sha256(f"{journey.tenant}|{held['send_key']}".encode()).hexdigest()[:32]
    return f"{digest}@{journey.domain}"


def mails(maildir):
    """Message-ID → how often it is in the store, of the campaigns' mails."""
    found = [mail for mail in Mailbox(maildir, journey.began).mails() if mail.sender == journey.address]
    return Counter(mail.message_id for mail in found)


def kill(layout):
    """The supervisor at once, and with it, as the kernel sees to, all that it started."""
    state = read_json(layout.state)
    processes = [state["supervisor"], *state["processes"].values()]
    for process in processes:
        send(process, signal.SIGKILL)
    end(processes, 30)
    wait_until("The end of all processes", lambda: not any(is_alive(process) for process in processes), 30)


main()
