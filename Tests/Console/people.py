"""People and companies that the tests look through: signed up through the API, as everybody is."""

import time
import urllib.parse
from functools import cache
from types import SimpleNamespace

from bench import ROOT, ground
from penguin import dns
from penguin.api import Api
from penguin.journey import TEMPLATE, Journey

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


@cache
def full():
    """A company with something of everything, named as hostile people name things. `ids` fills the paths of the screens."""
    made = journey()
    api = made.api
    made.set_up()
    made.authenticate(lambda records: dns.publish(ground().layout, made.domain, records))
    made.import_leads(ROOT / "Samples" / "leads.csv")
    workspace = api.get(f"/api/v1/workspaces/{made.workspace}")
    for name in (HOSTILE, RIGHT_TO_LEFT):
        api.post("/api/v1/workspaces", {"name": name, "postal_address": "1 Harbour Street, 8000 Example"})
    templates = [api.post("/api/v1/templates", {"workspace": made.workspace, **TEMPLATE, "name": name})["id"] for name in ("First contact", HOSTILE, LONG[:150])]
    campaigns = [
        api.post("/api/v1/campaigns", {"workspace": made.workspace, "name": name, "template": templates[0], "mailbox": made.sender})["id"] for name in ("Autumn", HOSTILE, RIGHT_TO_LEFT)]
    api.post(f"/api/v1/campaigns/{campaigns[0]}/launch")
    leads = api.get("/api/v1/leads", workspace=made.workspace, limit=1)["data"]
    # An entry with what was changed, before and after.
    api.patch(f"/api/v1/workspaces/{made.workspace}", {"postal_address": f"2 Harbour Street, {HOSTILE}"})
    entry = eventually(lambda: next((one["id"] for one in api.get("/api/v1/audit/events", limit=200)["data"] if one["changes"]), None))
    ids = SimpleNamespace(
        entry=entry, slug=workspace["slug"], workspace=made.workspace, template=templates[0], campaign=campaigns[0], draft=campaigns[1], mailbox=made.sender, lead=leads[0]["id"],
        domain=api.get("/api/v1/domains")["data"][0]["id"], imported=made.leads["id"])
    return Person(api, address=made.address, password=made.password, journey=made, ids=ids)


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
    return Person(made.api, address=made.address, password=made.password, journey=made, ids=ids)


@cache
def of(who):
    """full, empty, nobody, or a role of the staff such as ops."""
    return {"full": full, "empty": empty, "nobody": lambda: None}.get(who, lambda: staff(who))()
