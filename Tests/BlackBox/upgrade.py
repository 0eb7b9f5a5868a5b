"""Data of the previous version are read, and worked with, by this one: its backup is restored, the schemas are migrated, and everything goes on.

    upgrade.py FOLDER              the test, with stacks in FOLDER
    upgrade.py FOLDER --make       makes the backup in Tests/BlackBox/previous anew, by the version that is built; at each release
"""

import json
import sys
from pathlib import Path

from trial import ROOT, company, journey_of, penguin, same, step, write_leads

from penguin.api import Api
from penguin.journey import TEMPLATE
from penguin.layout import SERVICES, Layout
from penguin.restore import known_migrations
from penguin.terminal import wait_until

PREVIOUS = ROOT / "Tests" / "BlackBox" / "previous"
BACKUP, NOTES = PREVIOUS / "stack.backup", PREVIOUS / "notes.json"
# Nothing that is worth a secret: a stack that was thrown away.
VARIABLE = {"PENGUIN_BACKUP_PASSPHRASE": "the passphrase of a stack that was thrown away"}
LEADS = 6


def make(layout):
    """A company with something of everything, one campaign that is through and one that is paused."""
    journey = company(layout)
    journey.import_leads(write_leads(layout.folder / "leads.csv", LEADS))
    journey.launch()
    journey.watch()
    api, workspace = journey.api, journey.workspace
    template = api.post("/api/v1/templates", {"workspace": workspace, **TEMPLATE, "name": "Second"})
    campaign = {
        "workspace": workspace, "name": "Paused", "mailboxes": [journey.sender], "steps": [
            {"number": 1, "kind": "email", "variants": [{"name": "A", "template": template["id"]}]}, {"number": 2, "kind": "wait", "seconds": 86_400},
            {"number": 3, "kind": "email", "variants": [{"name": "A", "template": template["id"]}]}],
        # Nobody is written to in the hour in which this is made: the window opens once a week, and the campaign is paused besides.
        "schedule": {"window": {"zone": "Europe/Oslo", "openings": [{"weekday": 1, "start": 0, "end": 1}]}}}
    paused = api.post("/api/v1/campaigns", campaign)["id"]
    api.post(f"/api/v1/campaigns/{paused}/launch")
    wait_until("The enrolling of the second campaign", lambda: api.get(f"/api/v1/campaigns/{paused}/progress")["total"] == LEADS, 60)
    api.post(f"/api/v1/campaigns/{paused}/pause")
    segment = api.post("/api/v1/segments", {"workspace": workspace, "name": "Leads", "filter": {"field": "first_name", "operator": "contains",
        "value": "Lead"}})
    webhook = api.post("/api/v1/webhooks", {"url": "https://hooks.customers.example/penguin", "types": ["email.replied"]})["webhook"]["id"]
    journey.audit_actions({"webhook.create", "campaign.pause"})
    penguin(layout, "backup", str(BACKUP), **VARIABLE)
    NOTES.write_text(json.dumps({
        "email": journey.address, "password": journey.password, "workspace": workspace, "sent": journey.campaign, "paused": paused,
        "mailbox": journey.sender,
        "segment": segment["id"], "webhook": webhook, "actions": sorted(set(journey.audit_actions(set())))}, indent=2) + "\n")


def test(layout, had):
    notes = json.loads(NOTES.read_text())
    api = Api(journey_of(layout).api.base_url, layout.authority)
    new = {service: len(set(steps) - set(had[service])) for service, steps in known_migrations().items()}
    step(f"migrated by {', '.join(f'{count} steps of {service}' for service, count in new.items() if count) or 'no step: nothing has changed since'}")
    report = json.loads(penguin(layout, "doctor", "--json", check=False).stdout)
    same([one for one in report["findings"] if one["level"] == "failure" and not one["code"].startswith("host.")], [])
    same(len([one for one in report["findings"] if one["code"] == "migrations"]), len(SERVICES))
    step("the owner signs in and finds what there was")
    api.post("/api/v1/auth/sign-in", {"email": notes["email"], "password": notes["password"]})
    same(len(list(api.every("/api/v1/leads", workspace=notes["workspace"]))), LEADS)
    same([api.get(f"/api/v1/campaigns/{notes[name]}/progress")[state] for name, state in (("sent", "finished"), ("paused", "total"))], [LEADS, LEADS])
    same(api.get(f"/api/v1/segments/{notes['segment']}")["name"], "Leads")
    same(api.get(f"/api/v1/webhooks/{notes['webhook']}")["url"], "https://hooks.customers.example/penguin")
    same(sorted(set(notes["actions"]) - {one["action"] for one in api.every("/api/v1/audit/events")}), [])
    step("and works on: a campaign through the mailbox of before, whose password only the old key opens")
    template = api.post("/api/v1/templates", {"workspace": notes["workspace"], **TEMPLATE, "name": "Third"})
    campaign = api.post("/api/v1/campaigns", {"workspace": notes["workspace"], "name": "New", "template": template["id"],
        "mailbox": notes["mailbox"]})["id"]
    api.post(f"/api/v1/campaigns/{campaign}/launch")
    wait_until("The end of the new campaign", lambda: api.get(f"/api/v1/campaigns/{campaign}/progress")["finished"] == LEADS, 60)
    api.post(f"/api/v1/campaigns/{notes['paused']}/resume")
    same(api.get(f"/api/v1/campaigns/{notes['paused']}/progress")["status"], "active")
    step("the trail of before and after is one")
    tenant = api.get("/api/v1/tenants/current")["id"]
    same(penguin(layout, "audit", "verify", "--tenant", tenant, check=False).returncode, 0)


def main(folder, makes):
    layout = Layout(Path(folder) / "stack")
    if makes:
        BACKUP.unlink(missing_ok=True)
    else:
        restored = json.loads(penguin(layout, "restore", str(BACKUP), "--json", **VARIABLE).stdout)
    penguin(layout, "up", "--detach", "--no-build")
    try:
        make(layout) if makes else test(layout, restored["manifest"]["migrations"])
    finally:
        penguin(layout, "down", check=False)


main(sys.argv[1], sys.argv[2:] == ["--make"])
