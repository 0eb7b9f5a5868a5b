"""People and companies that the tests look through: signed up through the API, as everybody is."""

import itertools
import json
import secrets
import time
import urllib.parse
import uuid
from datetime import datetime, timedelta, timezone
from functools import cache
from types import SimpleNamespace

import replies
from ground import ROOT, ground
from penguin import dns
from penguin.api import Api
from penguin.journey import TEMPLATE, Journey
from penguin.terminal import wait_until

# What somebody hostile or merely long-winded calls a thing; it must show as text, everywhere.
HOSTILE = "<img src=x onerror=\"document.title='owned'\">"
RIGHT_TO_LEFT = "שלום ‮evil‬ مرحبا"
LONG = "Wolkenkratzer" * 15


class Person:
    """Somebody who is signed in, with the cookies that a browser needs."""

    def __init__(self, api, **facts):
        self.api = api
        self.__dict__.update(facts)

    def cookies(self):
        return [
            {"name": one.name, "value": one.value, "domain": "localhost", "path": "/", "secure": True, "httpOnly": True, "sameSite": "Lax"} for one in self.api._cookies]


def journey():
    """A new company whose owner has confirmed the address and is signed in."""
    place = ground()
    made = Journey(Api(place.url, place.authority), place.layout.maildir, place.ports["mail"], place.secrets["mail_demo"])
    made.sign_up()
    return made


def eventually(look, seconds=15):
    """What `look` finds, as soon as it finds something."""
    end = time.monotonic() + seconds
    while not (found := look()):
        assert time.monotonic() < end, "it did not come"
        time.sleep(0.2)
    return found


@cache
def empty():
    """Somebody who has just signed up: nothing is there."""
    made = journey()
    return Person(made.api, address=made.address, password=made.password, journey=made, ids=SimpleNamespace())


def company(made):
    """What the pages of mailboxes and of the company show: a warm-up, an unproved domain, a webhook, a key, an invitation, a look by support."""
    api = made.api
    smtp = {"host": "localhost", "port": made.mail_port, "security": "starttls", "username": "demo", "password": made.mail_password}
    warming = api.post("/api/v1/mailboxes", {"workspace": made.workspace, "address": f"warm@{made.domain}", "display_name": HOSTILE, "smtp": smtp})["id"]
    api._change("PUT", f"/api/v1/mailboxes/{warming}/warmup", b'{"state": "running", "strategy": "moderate", "target": 2000}', {"Content-Type": "application/json"})
    api.post(f"/api/v1/mailboxes/{warming}/pause", {"reason": HOSTILE})
    unproved = api.post("/api/v1/domains", {"workspace": made.workspace, "domain": f"new.{made.domain}"})["id"]
    webhook = api.post("/api/v1/webhooks", {"url": "https://example.com/hook", "description": HOSTILE, "types": ["*"]})["webhook"]["id"]
    api.post("/api/v1/auth/step-up", {"password": made.password})
    api.post("/api/v1/api-keys", {"name": HOSTILE, "scopes": ["audit:read", "campaigns:write"]})
    api.post("/api/v1/invitations", {"email": f"grace@{made.domain}", "role": "member", "workspaces": [made.workspace]})
    look = {"tenant": api.get("/api/v1/auth/session")["tenant"]["id"], "reason": f"{HOSTILE} does not move", "ticket": "#4711", "minutes": 30}
    return {"warming": warming, "unproved": unproved, "webhook": webhook, "support": staff("support").api.post("/api/v1/support-sessions", look)["id"]}


def untaken(tenant, action="Not An Action"):
    """Puts an event away as Audit's intake does with what it cannot take; one whose action is one can be taken in. Returns its id."""
    now = datetime.now(timezone.utc)
    made = str(uuid.UUID(int=int(now.timestamp() * 1000) << 80 | 7 << 76 | secrets.randbits(12) << 64 | 2 << 62 | secrets.randbits(62)))
    record = {"action": action, "outcome": "success", "targets": [{"type": "list", "id": made}], "changes": [], "metadata": {}}
    at = now.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    header = {"id": made, "type": "campaigns.list.changed", "version": 1, "tenant": tenant, "actor": {"kind": "system", "id": "campaigns"}, "occurred_at": at, "audit": record}
    body = json.dumps({"header": header, "data": {}})
    ground().sql(
        "insert into audit.quarantined_events (event_id, source, type, body, reason, quarantined_at) values "
        f"('{made}', 'campaigns', 'campaigns.list.changed', convert_to('{body}', 'UTF8'), 'the action is not noun.verb', now())")
    return made


def settle_trail(api):
    """What the settings of a trail show: a hold in hostile words and one that was released, a copy elsewhere, an event that was not taken in."""
    tenant = api.get("/api/v1/auth/session")["tenant"]["id"]
    api.post("/api/v1/audit/holds", {"reason": f"Case 12 O 345/26 {HOSTILE}", "from": "2026-01-01T00:00:00Z"})
    released = api.post("/api/v1/audit/holds", {"reason": "The regulator asked for it.", "from": "2026-01-01T00:00:00Z", "to": "2026-07-01T00:00:00Z"})["id"]
    api._change("DELETE", f"/api/v1/audit/holds/{released}", None, {})
    api.put("/api/v1/audit/checkpoint-delivery", {"kind": "mail", "address": "trail@example.com"})
    untaken(tenant)


@cache
def beginner():
    """Somebody with a workspace and nothing in it."""
    made = journey()
    made.api.post("/api/v1/workspaces", {"name": "Begin", "postal_address": "1 Harbour Street, 8000 Example"})
    return Person(made.api, address=made.address, password=made.password, journey=made, ids=SimpleNamespace())


def sequence(templates):
    """Steps of every kind."""
    def mail(number, *chosen):
        return {"number": number, "kind": "email", "variants": [{"name": "AB"[at], "template": one} for at, one in enumerate(chosen)]}

    test = {"sample_share": 0.2, "metric": "replied", "minimum_sample": 50, "decide_after_hours": 48}
    return [
        {**mail(1, templates[0], templates[1]), "test": test}, {"number": 2, "kind": "wait", "seconds": 259_200},
        {"number": 3, "kind": "condition", "condition": {"kind": "opened", "step": 1}, "then": "next", "otherwise": "exit"}, mail(4, templates[2])]


def office_hours():
    """A window that is closed now, whenever that is."""
    today = datetime.now(timezone.utc) + timedelta(days=2)
    return {"window": {"zone": "Europe/Oslo", "openings": [{"weekday": today.isoweekday(), "start": 540, "end": 1020}], "holidays": ["2031-12-25"]}, "daily_cap": 20}


def answered(made, campaign):
    """Lets people answer the mails of a campaign; returns the threads."""
    def sent():
        found = [mail for mail in made.stored() if made.api.get(f"/api/v1/campaigns/{campaign}/progress")["mails"]]
        return found if len(found) >= 4 else None

    mails = wait_until("The first mails of the campaign", sent, 60)
    maildir = replies.connect(made.api, made.sender)
    for mail, (text, name, html, headers) in zip(mails, [
        ("Thank you, tell me more.", "Grace Hopper", replies.HTML, ()), ("W" * 300, HOSTILE, None, ()), (RIGHT_TO_LEFT, RIGHT_TO_LEFT, None, ()),
        ("I am away until Monday.", LONG[:100], None, (("Auto-Submitted", "auto-replied"),))]):
        replies.answer(maildir, mail.path, text, name, html, headers)
    return replies.inbox(made.api, 4)


def known_about(made, templates):
    """Lists, a segment, own fields, an export and a template of two versions; returns the ids of what has a page."""
    api, workspace = made.api, {"workspace": made.workspace}
    for name, kind in [("Employees", "number"), ("Founded", "date"), ("Customer", "boolean"), (HOSTILE, "text")]:
        api.post("/api/v1/leads/fields", {"key": f"own_{kind}", "name": name, "kind": kind})
    leads = [lead["id"] for lead in api.get("/api/v1/leads", **workspace, limit=3)["data"]]
    lists = [api.post("/api/v1/lists", {**workspace, "name": name})["id"] for name in (HOSTILE, "Trade fair")]
    api.post(f"/api/v1/lists/{lists[0]}/leads", {"leads": leads})
    api.post("/api/v1/leads/bulk", {**workspace, "leads": leads[:1], "action": "add_tags", "value": [HOSTILE, RIGHT_TO_LEFT, LONG[:60], "vip"]})
    conditions = [
        {"field": "company", "operator": "is_set"},
        {"any": [{"field": "custom.own_number", "operator": "between", "value": [1, 500]}, {"field": "created_at", "operator": "after", "value": {"days_ago": 30}}]},
        {"not": {"any": [{"field": "status", "operator": "in", "value": ["bounced", "complained"]}, {"field": "list", "operator": "equals", "value": lists[1]}]}}]
    segment = api.post("/api/v1/segments", {**workspace, "name": HOSTILE, "filter": {"all": conditions}})["id"]
    api.post("/api/v1/leads/exports", {**workspace, "format": "csv", "filter": {}})
    changed = json.dumps({**TEMPLATE, "name": HOSTILE, "subject": "{Hello|Hi} {{first_nam|there}}"}).encode()
    api._change("PUT", f"/api/v1/templates/{templates[1]}", changed, {"Content-Type": "application/json", "If-Match": "*"})
    for one in ({"address": f"asked@{made.domain}", "reason": "legal", "note": HOSTILE}, {"address": "@blocked.example", "reason": "manual", "workspace": made.workspace}):
        api.post("/api/v1/suppressions", one)
    return {"list": lists[0], "segment": segment, "versioned": templates[1]}


def unclear(made, workspace):
    """A campaign whose mails were taken in by a server that broke the line before it said so."""
    api, place = made.api, {"workspace": workspace}
    smtp = {"host": "localhost", "port": made.mail_port, "security": "starttls", "username": "demo", "password": made.mail_password}
    mailbox = api.post("/api/v1/mailboxes", {**place, "address": f"line@{made.domain}", "display_name": HOSTILE, "smtp": smtp})["id"]
    chosen = api.post("/api/v1/lists", {**place, "name": "Their lines break"})["id"]
    for letter in "abcde":
        api.post("/api/v1/leads", {**place, "email": f"drop-{letter}@elsewhere.example", "list": chosen})
    template = api.post("/api/v1/templates", {**place, **TEMPLATE, "name": "First contact"})["id"]
    campaign = api.post("/api/v1/campaigns", {**place, "name": HOSTILE, "template": template, "mailbox": mailbox, "audience": {"kind": "list", "id": chosen}})["id"]
    api.post(f"/api/v1/campaigns/{campaign}/launch")
    wait_until("Mails of unknown fate", lambda: api.get(f"/api/v1/campaigns/{campaign}/progress")["held"] == 5, 60)
    return campaign


@cache
def full():
    """A company with something of everything, named as hostile people name things. `ids` fills the paths of the screens."""
    made = journey()
    api = made.api
    made.set_up()
    made.authenticate(lambda records: dns.publish(ground().layout, made.domain, records))
    made.import_leads(ROOT / "Samples" / "leads.csv")
    workspace = api.get(f"/api/v1/workspaces/{made.workspace}")
    others = [api.post("/api/v1/workspaces", {"name": name, "postal_address": "1 Harbour Street, 8000 Example"}) for name in (HOSTILE, RIGHT_TO_LEFT)]
    templates = [api.post("/api/v1/templates", {"workspace": made.workspace, **TEMPLATE, "name": name})["id"] for name in ("First contact", HOSTILE, LONG[:150])]
    campaigns = [
        api.post("/api/v1/campaigns", {"workspace": made.workspace, "name": name, "template": templates[0], "mailbox": made.sender})["id"] for name in ("Autumn", HOSTILE, RIGHT_TO_LEFT)]
    api.post(f"/api/v1/campaigns/{campaigns[0]}/launch")
    written = api.post("/api/v1/campaigns", {
        "workspace": made.workspace, "name": "Sequence", "steps": sequence(templates), "mailboxes": [made.sender], "schedule": office_hours(), "tracks_opens": True})["id"]
    paused = api.post("/api/v1/campaigns", {"workspace": made.workspace, "name": "Invitation", "template": templates[0], "mailbox": made.sender, "schedule": office_hours()})["id"]
    api.post(f"/api/v1/campaigns/{paused}/launch")
    api.post(f"/api/v1/campaigns/{paused}/pause", {"reason": HOSTILE})
    waiting = api.post("/api/v1/campaigns", {"workspace": made.workspace, "name": "Only then", "template": templates[0], "mailbox": made.sender, "schedule": office_hours()})["id"]
    api.post(f"/api/v1/campaigns/{waiting}/launch")
    threads = answered(made, campaigns[0]) if replies.possible() else []
    leads = api.get("/api/v1/leads", workspace=made.workspace, limit=1)["data"]
    # An entry with what was changed, before and after.
    api.patch(f"/api/v1/workspaces/{made.workspace}", {"postal_address": f"2 Harbour Street, {HOSTILE}"})
    settle_trail(api)
    entry = eventually(lambda: next((one["id"] for one in api.get("/api/v1/audit/events", limit=200)["data"] if one["changes"]), None))
    api.post("/api/v1/tracking/opt-outs", {"addresses": ["leave-me-out@elsewhere.example"]})
    ids = SimpleNamespace(
        unclear=unclear(made, others[0]["id"]), other=others[0]["slug"], entry=entry, slug=workspace["slug"], workspace=made.workspace, template=templates[0], campaign=campaigns[0], draft=campaigns[1], sequence=written, paused=paused, waiting=waiting,
        thread=next(one["id"] for one in threads if one.get("contact_name") == "Grace Hopper") if threads else None, mailbox=made.sender, lead=leads[0]["id"],
        domain=api.get("/api/v1/domains")["data"][0]["id"], imported=made.leads["id"], **known_about(made, templates), **company(made))
    return Person(api, address=made.address, password=made.password, journey=made, ids=ids)


@cache
def viewer():
    """Somebody who may look and change nothing."""
    made = journey()
    # Invitations and their mails are shown elsewhere; here it is the role that matters.
    ground().sql(
        f"update users.tenant_users set roles = '{{viewer}}' where user_id in (select id from users.users where email = '{made.address}')")
    made.api.post("/api/v1/auth/sign-in", {"email": made.address, "password": made.password})
    return Person(made.api, address=made.address, password=made.password, journey=made, ids=SimpleNamespace())


@cache
def staff(role="super_admin"):
    """One of the operator's people, with a second factor met."""
    made = journey()
    quoted = made.address.replace("'", "''")
    ground().sql(f"insert into auth.staff (user_id, role, created_at) select id, '{role}', now() from users.users where email = '{quoted}'")
    made.api.post("/api/v1/auth/sign-in", {"email": made.address, "password": made.password})
    ground().sql(f"update auth.sessions set assurance = 2 where user_id in (select id from users.users where email = '{quoted}')")
    tenant = urllib.parse.quote(made.api.get("/api/v1/auth/session")["tenant"]["id"])
    ids = SimpleNamespace(tenant=tenant, role=role)
    if role == "support":
        ids.session = made.api.post("/api/v1/support-sessions", {"tenant": tenant, "reason": f"Mail does not go out {HOSTILE}", "ticket": "T-1042"})["id"]
    if role in ("super_admin", "finance"):
        ids.company = full().api.get("/api/v1/auth/session")["tenant"]["id"]
    if role == "super_admin":
        operate(made.api, ids)
    return Person(made.api, address=made.address, password=made.password, journey=made, ids=ids)


def operate(api, ids):
    """What the platform's pages show: a job, somebody suspended, an incident that is over, work that is called off, all in hostile words."""
    ids.user = full().api.get("/api/v1/auth/session")["user"]["id"]
    other = journey().api.get("/api/v1/auth/session")["tenant"]["id"]
    api.post(f"/api/v1/platform/admin/tenants/{other}/suspend", {"reason": f"Sends phishing {HOSTILE}"})
    ids.suspended = other
    ids.queue, ids.state, ids.job = wait_until("a job", lambda: some_job(api), 60)
    api.post("/api/v1/platform/system/suppressions", {"entries": [{"address": "@trap.example", "reason": "legal", "note": HOSTILE}]})
    said = {"title": f"Mails are late {HOSTILE}", "impact": "minor", "components": [], "message": f"We look into it. {HOSTILE}"}
    ids.incident = api.post("/api/v1/platform/admin/status/incidents", said)["id"]
    api.post(f"/api/v1/platform/admin/status/incidents/{ids.incident}/resolve", {"message": "Mail goes out again."})
    begin = datetime.now(timezone.utc) + timedelta(days=30)
    work = {"title": HOSTILE, "message": "We change disks.", "components": ["database"], "starts_at": stamp(begin), "ends_at": stamp(begin + timedelta(hours=2))}
    work = api.post("/api/v1/platform/admin/status/maintenances", work)["id"]
    api.post(f"/api/v1/platform/admin/status/maintenances/{work}/cancel")


def stamp(time):
    return time.strftime("%Y-%m-%dT%H:%M:%SZ")


def some_job(api):
    """Queue, state and id of any job that is kept, or None."""
    for queue, state in itertools.product(("email-sending", "maintenance"), ("delayed", "failed", "completed")):
        for job in api.get(f"/api/v1/platform/system/queues/{queue}/jobs", state=state, limit=1)["data"]:
            return queue, state, job["id"].lower()
    return None


@cache
def of(who):
    """full, empty, beginner, viewer, nobody, or a role of the staff such as ops."""
    return {"full": full, "empty": empty, "beginner": beginner, "viewer": viewer, "nobody": lambda: None}.get(who, lambda: staff(who))()
