"""What is the case after a run, read from the ledger, the counters, the trail and the record of the mail server; judged in verdict.py."""

import hashlib
import json
from collections import Counter

from penguin import audit_database
from penguin.audit_findings import Bad, Incomplete
from penguin.audit_trail import Tree
from penguin.audit_verify import named_keys
from penguin.layout import SERVICES
from penguin.postgres import psql_command, psql_environment

PLATFORM = "00000000-0000-0000-0000-000000000000"

SENDS = """
select s.id, s.send_key as key, s.recipient as to, s.state, (
    select count(*) from chaos.ambiguities a where a.tenant_id = s.tenant_id and a.send_id = s.id) as ambiguities
from delivery.sends s where s.tenant_id = '{tenant}' and s.campaign_id = '{campaign}'"""
COUNTERS = """
select c.status, k.total, k.waiting, k.queued, k.deferred, k.finished, k.held, k.bounced, k.failed, k.suppressed, k.outstanding,
    (select coalesce(sum(t.sent), 0) from campaigns.step_stats t where t.tenant_id = c.tenant_id and t.campaign_id = c.id) as stat_sent,
    (select coalesce(sum(t.refused), 0) from campaigns.step_stats t where t.tenant_id = c.tenant_id and t.campaign_id = c.id) as stat_refused
from campaigns.campaigns c join campaigns.campaign_counters k on k.tenant_id = c.tenant_id and k.campaign_id = c.id
where c.tenant_id = '{tenant}' and c.id = '{campaign}'"""
STATES = """
select e.status, s.state, count(*) as n from campaigns.enrolments e
left join campaigns.enrolment_sends s on s.tenant_id = e.tenant_id and s.enrolment_id = e.id
where e.tenant_id = '{tenant}' and e.campaign_id = '{campaign}' group by 1, 2"""
QUOTA = """
select coalesce(sum(p.used), 0) as used, coalesce(sum(p.reserved), 0) as reserved,
    (select coalesce(sum(r.used), 0) from billing.mail_reservations r where r.tenant_id = '{tenant}') as reservations_used,
    (select coalesce(sum(r.count - r.used - r.released), 0) from billing.mail_reservations r where r.tenant_id = '{tenant}') as reservations_open,
    (select coalesce(sum(s.used), 0) from delivery.reservation_settlements s where s.tenant_id = '{tenant}') as delivery_used,
    (select count(*) from delivery.sends s where s.tenant_id = '{tenant}' and s.reservation_id is null and s.campaign_id is not null) as unreserved
from billing.mail_periods p where p.tenant_id = '{tenant}'"""
# What the trail says of one kind of act, beside what the acts left behind.
ACTS = """
select (select coalesce(json_agg(id), '[]') from campaigns.templates where tenant_id = '{tenant}') as made,
    (select coalesce(json_agg(t ->> 'id'), '[]') from audit.trail_events e, jsonb_array_elements(e.targets::jsonb) t
     where e.tenant_id = '{tenant}' and e.action = 'template.create' and t ->> 'type' = 'template') as told"""
QUEUES = """
select q.queue, q.active, q.waiting, q.failed,
    (select count(*) from delivery.jobs j where j.queue = q.queue and j.state = 'running') as active_rows,
    (select count(*) from delivery.jobs j where j.queue = q.queue and j.state in ('queued', 'gated')) as waiting_rows,
    (select count(*) from delivery.jobs j where j.queue = q.queue and j.state = 'failed') as failed_rows
from (select queue, sum(active) as active, sum(waiting) as waiting, sum(failed) as failed from delivery.queue_counters group by queue) q"""


def read_record(path):
    """The lines of the mail server's record; a last one without its end is not one yet."""
    with open(path, "rb") as file:
        return [json.loads(line) for line in file if line.endswith(b"\n")]


def message_id(tenant, key):
    """The part before the @ of the Message-ID that a send must have, by what the product promises and not by its code."""
    return hashlib.sha256(f"{tenant}|{key}".encode()).hexdigest()[:32]


def gather(database, companies, layout, port, passwords, record, acts):
    """Everything as one value; `acts` are what the owners did meanwhile."""
    psql = psql_command(port, "audit_owner"), psql_environment(passwords["audit_owner"])
    keys = named_keys(None, layout.keys / "trail.pub")
    return {
        "companies": [_company(database, company, psql, keys, acts) for company in companies],
        "record": [{**line, "id": line["id"].partition("@")[0] if line["id"] else None} for line in record],
        "queues": database.rows(QUEUES),
        "outbox": {service: int(database.value(f"select count(*) from {service}.outbox")) for service in SERVICES},
        "quarantined": {service: int(database.value(f"select count(*) from {service}.quarantined_events")) for service in SERVICES},
        "platform_trail": trail(psql, keys, PLATFORM) if _has_trail(database, PLATFORM) else {"is_clean": True, "events": 0},
    }


def _company(database, company, psql, keys, acts):
    tenant = database.value(f"select tenant_id from campaigns.campaigns where id = '{company.campaign}'")
    names = {"tenant": tenant, "campaign": company.campaign}
    states = database.rows(STATES.format(**names))
    enrolments, theirs = Counter(), Counter()
    for row in states:
        enrolments[row["status"]] += row["n"]
        if row["state"]:
            theirs[row["state"]] += row["n"]
    sends = [{**send, "message_id": message_id(tenant, send["key"])} for send in database.rows(SENDS.format(**names))]
    actions = database.rows(f"select action, count(*) as n from audit.trail_events where tenant_id = '{tenant}' group by 1")
    return {
        "tenant": tenant, "policy": company.policy, "leads": len(company.addresses), "listed": company.suppressed, "sends": sends,
        "counters": database.row(COUNTERS.format(**names)), "enrolments": dict(enrolments), "campaign_states": dict(theirs),
        "quota": database.row(QUOTA.format(**names)), "acts": {**database.row(ACTS.format(**names)), "answered": acts.get(company.number, [])},
        "actions": {row["action"]: row["n"] for row in actions}, "trail": trail(psql, keys, tenant),
    }


def _has_trail(database, tenant):
    """Nothing need have been done in the platform's own name."""
    return database.value(f"select exists (select from audit.trail_heads where tenant_id = '{tenant}')") == "t"


def trail(psql, keys, tenant):
    """What `./penguin audit verify` finds."""
    command, environment = psql
    try:
        found = Tree(audit_database.read(command, environment, tenant), keys, tenant, None).check()
        return {"is_clean": True, "events": found["size"]}
    except Bad as bad:
        return {"is_clean": False, "why": f"tampered with: {json.dumps(bad.found)}"}
    except Incomplete as incomplete:
        return {"is_clean": False, "why": f"incomplete: {incomplete}"}
