"""Two companies: one with something of everything, and one that has what it needs to ask."""

import json
import uuid
from functools import cache

import place  # noqa: F401
import people
from ground import ground
from penguin import dns
from penguin.journey import TEMPLATE
from penguin.terminal import wait_until


class Company:
    """A company, its owner's session, and its identifier."""

    def __init__(self, person):
        self.person = person
        self.api = person.api
        self.workspace = person.journey.workspace
        session = self.api.get("/api/v1/auth/session")
        self.tenant, self.user = session["tenant"]["id"], session["user"]["id"]

    def rows(self, query):
        """The first column of a query about this company, in which {tenant} and {user} stand for themselves."""
        return ground().sql(query.format(tenant=self.tenant, user=self.user))


@cache
def full():
    """The company that is asked about: of each thing that a path can name there is one at least."""
    made = Company(people.full())
    api, ids = made.api, made.person.ids
    api.post("/api/v1/auth/step-up", {"password": made.person.password})
    api.post("/api/v1/audit/exports", {"format": "csv", "filter": {}})
    api.post("/api/v1/audit/holds", {"reason": "A case before the district court", "from": "2026-01-01T00:00:00Z"})
    api.post("/api/v1/audit/views", {"name": "Refused", "q": "outcome:denied"})
    # Nothing is told to anybody any more: what changes from here on, somebody has changed.
    api.patch(f"/api/v1/webhooks/{ids.webhook}", {"state": "paused"})
    lead = made.rows("select id from campaigns.leads where tenant_id = '{tenant}' order by id desc limit 1")[0].lower()
    erasure = api.post(f"/api/v1/leads/{lead}/erase", {"reason": "Asked by mail"})
    spare = next(one for one in api.get("/api/v1/workspaces")["data"] if one["name"] == people.HOSTILE)
    change(api, "DELETE", f"/api/v1/workspaces/{spare['id']}", {"name": spare["name"]})
    grant = {"access": "full", "limits": {"mails": 100_000}, "reason": "A customer asked for it", "ends_at": "2099-12-31T00:00:00Z"}
    people.staff("super_admin").api.post(f"/api/v1/platform/finance/tenants/{made.tenant}/grants", grant)
    # A mail that nobody can read is hard to write; its row is not.
    made.rows(
        "insert into delivery.mailbox_quarantine (tenant_id, id, mailbox_id, folder, uid_validity, uid, reason, received_at, size, created_at) "
        f"select tenant_id, '{uuid.uuid4()}', id, 'INBOX', 1, 1, 'unreadable', now(), 10, now() from delivery.mailboxes where tenant_id = '{{tenant}}' and id = '{ids.mailbox}'")
    # It begins a minute after it was asked for.
    wait_until("The erasure of a lead", lambda: api.get(f"/api/v1/leads/erasures/{erasure['id']}").get("finished_at") is not None, 180)
    return made


@cache
def asking():
    """The company that asks: its own things make requests right but for the one identifier that is not its own."""
    journey = people.journey()
    journey.set_up()
    journey.authenticate(lambda records: dns.publish(ground().layout, journey.domain, records))
    made = Company(people.Person(journey.api, address=journey.address, password=journey.password, journey=journey))
    api, workspace = made.api, {"workspace": journey.workspace}
    api.post("/api/v1/auth/step-up", {"password": journey.password})
    api.post("/api/v1/leads/fields", {"key": "city", "name": "City", "kind": "text"})
    leads = [api.post("/api/v1/leads", {**workspace, "email": f"lead{number}@{journey.domain}"})["id"] for number in range(3)]
    chosen = api.post("/api/v1/lists", {**workspace, "name": "Trade fair"})["id"]
    api.post(f"/api/v1/lists/{chosen}/leads", {"leads": leads})
    api.post("/api/v1/segments", {**workspace, "name": "All", "filter": {"field": "company", "operator": "is_set"}})
    template = api.post("/api/v1/templates", {**workspace, **TEMPLATE})["id"]
    api.post("/api/v1/campaigns", {**workspace, "name": "Autumn", "template": template, "mailbox": journey.sender})
    return made


def change(api, method, path, body):
    """A change for which Api has no word of its own."""
    return api._change(method, path, json.dumps(body).encode(), {"Content-Type": "application/json"})
