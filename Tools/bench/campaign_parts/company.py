"""A company with a workspace and room for its leads, and the stack that it is on."""

import uuid
from dataclasses import dataclass

from bench.auth import Visitor
from bench.campaign_parts.measure import Psql, Reader
from bench.campaign_parts.people import FIELDS
from penguin.api import Api
from penguin.journey import TEMPLATE, Journey
from penguin.layout import read_json
from penguin.terminal import Failure

# More than any benchmark sends.
ALLOWANCE = 1_000_000_000
DAY = 86_400
STEPS = (1, 3)


class Ground:
    """A stack and its database."""

    def __init__(self, stack, layout):
        self.stack = stack
        self.layout = layout
        self.facts = stack.facts
        self.passwords = read_json(layout.secrets)
        self.sql = self.psql("postgres")

    def psql(self, role, settings=""):
        return Psql(self.facts["ports"]["postgres"], role, self.passwords[role], settings)

    def process(self, name):
        process = self.stack.process(name)
        if process is None:
            raise Failure(f"{name} does not run.")
        return process["pid"]


@dataclass
class Company:
    """Somebody's account, with the largest plan."""

    journey: Journey
    tenant: str
    template: str = None

    @classmethod
    def found(cls, ground):
        facts, layout = ground.facts, ground.layout
        journey = Journey(Api(facts["url"], layout.authority), layout.maildir, facts["ports"]["mail"], ground.passwords["mail_demo"])
        journey.sign_up()
        journey.set_up()
        tenant = ground.sql.value(f"select tenant_id from delivery.mailboxes where id = '{journey.sender}'")
        # What Billing answers follows from these rows; the largest plan has no limit of leads.
        ground.sql.run(
            f"update billing.subscriptions set plan = 'enterprise' where tenant_id = '{tenant}'",
            f"update billing.mail_periods set allowance = {ALLOWANCE}, plan_mails = {ALLOWANCE} where tenant_id = '{tenant}'")
        for field in FIELDS:
            journey.api.post("/api/v1/leads/fields", field)
        return cls(journey, tenant)

    @property
    def workspace(self):
        return self.journey.workspace

    def reader(self, ground):
        """Reads as this company does."""
        visitor = Visitor(ground.facts["ports"]["auth_public"], self.journey.address, self.journey.password)
        return Reader(ground.facts["ports"]["gateway"], ground.layout.authority, visitor.sign_in())

    def campaign(self, name, mailboxes, audience=None):
        """A draft of two mails with three days between; its identifier."""
        api = self.journey.api
        if self.template is None:
            self.template = api.post("/api/v1/templates", {"workspace": self.workspace, **TEMPLATE})["id"]
        mails = [{"number": step, "kind": "email", "variants": [{"name": "A", "template": self.template}]} for step in STEPS]
        steps = [mails[0], {"number": 2, "kind": "wait", "seconds": 3 * DAY}, mails[1]]
        draft = {"workspace": self.workspace, "name": name, "steps": steps, "mailboxes": mailboxes, "audience": audience or {"kind": "workspace"}}
        return api.post("/api/v1/campaigns", draft)["id"]

    def segment(self, name, filter):
        return self.journey.api.post("/api/v1/segments", {"workspace": self.workspace, "name": name, "filter": filter})["id"]

    def mailboxes(self, ground, count):
        """More mailboxes as the one that was connected, for mail that is planned and never sent: their passwords cannot be opened."""
        made = [str(uuid.uuid4()) for _ in range(count)]
        ground.sql.run(
            f"""insert into delivery.mailboxes (tenant_id, id, workspace_id, address, display_name, smtp_host, smtp_port, smtp_security,
                smtp_username, password_sealed, created_at, updated_at)
            select m.tenant_id, n.id, m.workspace_id, 'bench-' || n.id || '@penguin.example', m.display_name, m.smtp_host, m.smtp_port,
                m.smtp_security, m.smtp_username, m.password_sealed, now(), now()
            from delivery.mailboxes m cross join unnest({array(made)}) as n (id) where m.id = '{self.journey.sender}'""")
        return made


def array(identifiers):
    """Identifiers as the database takes them."""
    return f"'{{{','.join(identifiers)}}}'::uuid[]"

