"""Companies with mailboxes at a sink, and mail that is planned for them as Campaigns plans it."""

import time
import uuid
from dataclasses import dataclass

BATCH = 500
BODY = ("x" * 72 + "\n") * 20


@dataclass(frozen=True)
class Tenant:
    id: str
    workspace: str
    mailboxes: tuple


def make(sql, port, count, mailboxes):
    """`count` companies with so many mailboxes each. Signing up so many would measure the password hash."""
    tenants = [Tenant(str(uuid.uuid4()), str(uuid.uuid4()), tuple(str(uuid.uuid4()) for _ in range(mailboxes))) for _ in range(count)]
    rows = ", ".join(
        f"('{tenant.id}', '{mailbox}', '{tenant.workspace}', '{mailbox}@sender.example', 'Bench', '127.0.0.1', {port}, 'none', '', '', now(), now())"
        for tenant in tenants for mailbox in tenant.mailboxes)
    sql.run(
        "insert into delivery.mailboxes (tenant_id, id, workspace_id, address, display_name, smtp_host, smtp_port, smtp_security, smtp_username, "
        f"password_sealed, created_at, updated_at) values {rows}")
    return tenants


def enqueue(delivery, tenant, mails, priority=100):
    """Plans so many mails of one company, due now; returns their keys."""
    now = time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime())
    keys = [f"test:{uuid.uuid4()}" for _ in range(mails)]
    for first in range(0, mails, BATCH):
        delivery.call("enqueueSends", tenant=tenant.id, sends=[
            {"send_key": key, "workspace": tenant.workspace, "mailbox": tenant.mailboxes[number % len(tenant.mailboxes)],
             "recipient": f"lead{number}@reader{number % 50}.example", "subject": "A question", "text": BODY, "priority": priority, "due_at": now}
            for number, key in enumerate(keys[first:first + BATCH], first)])
    return keys


def waits(sql, keys):
    """Seconds from each mail's planning to its body, of those that came so far; `keys` are pairs of a company and a key."""
    names = ", ".join(f"('{tenant.id}', '{key}')" for tenant, key in keys)
    return _seconds(sql, f"(tenant_id, send_key) in ({names})")


def waits_since(sql, moment, tenants):
    """The same of all mails that were planned for these companies since a moment of the database."""
    names = ", ".join(f"'{tenant.id}'" for tenant in tenants)
    return _seconds(sql, f"tenant_id in ({names}) and created_at >= '{moment}'")


def _seconds(sql, condition):
    found = sql.run(f"select extract(epoch from data_sent_at - created_at) from delivery.sends where {condition} and data_sent_at is not null")
    return [float(line) for line in found.split()]
