"""What the database holds of a company, read past row-level security."""

import json

import place  # noqa: F401
from ground import ground
from penguin.layout import SERVICES

SCHEMAS = (*SERVICES, "users", "public")
# What background work writes of itself, of a company that does nothing; everything else must stay as it is.
BY_THEMSELVES = {
    "delivery.mailbox_readers": ("failures", "next_at", "read_at", "lease_holder", "lease_until", "fence", "idles", "state", "state_reason", "state_since"),
    "delivery.mailbox_folders": ("read_at",),
    "delivery.domains": ("attempts", "report", "checked_at", "asked_at", "next_check_at", "version"),
    "delivery.signing_keys": ("checked_at", "seen_at", "misses", "look_at"),
    "delivery.tracking_certificates": ("next_at", "changed_at", "attempts", "failed_at", "failure", "failure_kind"),
    "delivery.reputations": ("score", "band", "reason", "accepted", "bounces", "complaints", "unsubscribes", "checked_at"),
    "billing.resource_counts": ("reserved", "changed_at", "counted_at"),
    "auth.sessions": ("last_seen_at",),
}
# Kept for some minutes or hours, or made by a clock; what they are made of is compared.
PASSING = ("delivery.mailbox_minutes", "delivery.reputation_days", "delivery.blacklist_results", "audit.trail_checkpoints")


def tables():
    """Every table with rows of companies, without the parts of divided ones."""
    schemas = ", ".join(f"'{schema}'" for schema in SCHEMAS)
    return ground().sql(
        "select n.nspname || '.' || c.relname from pg_class c join pg_namespace n on n.oid = c.relnamespace "
        f"where c.relkind in ('r', 'p') and not c.relispartition and n.nspname in ({schemas}) "
        "and exists (select from pg_attribute a where a.attrelid = c.oid and a.attname = 'tenant_id' and not a.attisdropped) order by 1")


def picture(company):
    """Each row of a company as text, by table."""
    statements = [f"select '{table}', to_jsonb(x)::text from {table} x where tenant_id = '{company.tenant}'" for table in tables() if table not in PASSING]
    statements.append(f"select 'public.tenants', to_jsonb(x)::text from public.tenants x where id = '{company.tenant}'")
    statements.append(f"select 'users.users', to_jsonb(x)::text from users.users x where id = '{company.user}'")
    found = {}
    for line in ground().sql("; ".join(statements)):
        table, _, row = line.partition("|")
        found.setdefault(table, set()).add(_kept(table, row))
    return found


def differences(before, after):
    """What went and what came, one line each."""
    lines = []
    for table in sorted(set(before) | set(after)):
        lines += [f"{table}: gone or changed: {row[:400]}" for row in sorted(before.get(table, set()) - after.get(table, set()))]
        lines += [f"{table}: new: {row[:400]}" for row in sorted(after.get(table, set()) - before.get(table, set()))]
    return lines


def _kept(table, row):
    left_out = BY_THEMSELVES.get(table)
    if not left_out:
        return row
    return json.dumps({name: value for name, value in json.loads(row).items() if name not in left_out}, sort_keys=True)
