"""The database of the run, as its superuser sees it; past the lines that are cut."""

import json
import subprocess

from penguin.postgres import psql_command, psql_environment
from penguin.terminal import Failure

# A mail that became ambiguous may be sent again and then be accepted: that it was ambiguous is written down when it happens, in the same commit.
WATCH = """
create schema chaos;
create table chaos.ambiguities (tenant_id uuid not null, send_id uuid not null, at timestamptz not null default clock_timestamp());
create index on chaos.ambiguities (tenant_id, send_id);
create function chaos.note() returns trigger language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
    insert into chaos.ambiguities (tenant_id, send_id) values (new.tenant_id, new.id);
    return null;
end $$;
create trigger chaos_note after update of state on delivery.sends for each row
    when (new.state = 'ambiguous' and old.state is distinct from 'ambiguous') execute function chaos.note();
"""

# What waits for its time is due now: hours of waiting are not what is tried here. In the order in which everybody locks.
HURRY = """
set lock_timeout = '1s';
begin;
update delivery.jobs set run_at = now() where state = 'queued' and kind = 'email' and run_at > now() + interval '1 second';
update delivery.lanes set next_at = now() where next_at > now() + interval '1 second' and next_at < 'infinity' and queue like 'queue:email%';
update delivery.mailboxes set opens_at = null, opens_reason = null where opens_at > now() + interval '1 second';
delete from delivery.destination_pauses;
commit;
"""

# Mails without an end, which under resend one of unknown fate is too, and campaigns that go on.
OPEN = """
select (select count(*) from delivery.sends s left join delivery.delivery_settings p on p.tenant_id = s.tenant_id
        where s.state in ('planned', 'claimed', 'data_sent', 'deferred') or s.state = 'ambiguous' and p.ambiguous = 'resend')
    + (select count(*) from campaigns.campaigns where status <> 'completed')
"""

# What is still on its way when all mails have an end.
LEFT = """
select (select count(*) from auth.outbox) + (select count(*) from billing.outbox) + (select count(*) from campaigns.outbox)
    + (select count(*) from delivery.outbox) + (select count(*) from audit.outbox)
    + (select count(*) from delivery.reservation_settlements where used <> settled_used or released <> settled_released)
    + (select coalesce(sum(reserved), 0) from billing.mail_periods)
    + (select coalesce(sum(outstanding), 0) from campaigns.campaign_counters)
"""


class Database:
    """Questions by psql; `None` where the database does not answer, as it does not under some faults."""

    def __init__(self, port, password):
        self._command = psql_command(port, "postgres") + ["-qXAt", "-v", "ON_ERROR_STOP=1"]
        self._environment = psql_environment(password)

    def attempt(self, statement):
        try:
            result = subprocess.run(
                [*self._command, "-f", "-"], input=statement, env=self._environment, capture_output=True, text=True, timeout=120)
        except subprocess.TimeoutExpired:
            return None
        return result.stdout if result.returncode == 0 else None

    def run(self, statement):
        """What it gives, or a failure."""
        result = subprocess.run([*self._command, "-f", "-"], input=statement, env=self._environment, capture_output=True, text=True, timeout=600)
        if result.returncode != 0:
            raise Failure(f"The database refused: {result.stderr.strip()[:500]}")
        return result.stdout

    def rows(self, query):
        """A dictionary for each row of one SELECT."""
        return [json.loads(line) for line in self.run(f"select row_to_json(q) from ({query}) q").splitlines()]

    def row(self, query):
        return self.rows(query)[0]

    def value(self, query):
        return self.run(query).strip()
