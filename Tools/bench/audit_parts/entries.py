"""Entries of the trail, written into its tables by SQL as the service would have written them, without trees."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

from bench.audit_parts import companies
from bench.audit_parts.companies import MONTHS, SEARCHER
from penguin.terminal import Failure, step

WRITERS = 2
ACTORS = 40
TARGETS = 5_000
ACTIONS = (
    "lead.update", "lead.create", "campaign.update", "session.create", "template.update", "lead.delete", "campaign.launch", "import.create",
    "mailbox.update", "segment.create", "campaign.pause", "member.update", "template.create", "mailbox.create", "segment.update", "api_key.create",
    "export.create", "member.invite", "workspace.update", "webhook.create", "list.create", "api_key.revoke", "workspace.create", "member.remove")
# Words that stand in twenty entries of the searching company each.
WORDS = 40
EACH = 20
# A month of the shortest class that is over, grace included: whatever the day, its end is 150 days ago.
LAPSED = "(date_trunc('month', now(), 'UTC') at time zone 'UTC' - interval '6 months')::date"
LAPSED_SHARE = 384 / 5_000

EVENTS = """tenant_id, id, seq, class, occurred_at, recorded_at, workspace_id, type, source, action, outcome, actor_kind, actor_id, targets,
    request, trace, support_session, sd, leaf"""
DETAILS = "tenant_id, id, class, actor_name, target_names, address, user_agent, changes, metadata, salts, words"
TARGET_KEYS = "tenant_id, target, id, class"
TABLES = {"trail_events": EVENTS, "trail_details": DETAILS, "trail_targets": TARGET_KEYS}


def word(number):
    return f"rarity{number}"


def written(tenant, kept, count, start, milliseconds, rare=0):
    """One statement for `count` entries from the instant `start` on (milliseconds in SQL), so many milliseconds apart.

    With `rare`, every entry of that distance has one of the rare words.
    """
    listed = ", ".join(f"'{action}'" for action in ACTIONS)
    rarely = f"case when seq % {rare} = 0 then jsonb_build_object('note', 'rarity' || (seq / {rare}) % {WORDS}) else '{{}}' end" if rare else "'{}'"
    return f"""
with drawn as (
    select seq, ({start})::bigint + floor(seq * {milliseconds})::bigint as ms, md5('{tenant}' || '{kept}' || seq) as hash
    from generate_series(1, {count}) as seq),
rolled as (
    select seq, ms, hash, floor({ACTORS} * power(('x' || substr(hash, 1, 4))::bit(16)::integer / 65536.0, 2))::integer as actor,
        1 + floor({len(ACTIONS)} * power(('x' || substr(hash, 5, 4))::bit(16)::integer / 65536.0, 2))::integer as act,
        ('x' || substr(hash, 9, 6))::bit(24)::integer as chance
    from drawn),
entries as materialized (
    select seq, to_timestamp(ms / 1000.0) as at, hash, chance, actor,
        (lpad(to_hex(ms), 12, '0') || '7' || lpad(to_hex(seq % 4096), 3, '0') || '8' || substr(hash, 1, 15))::uuid as id,
        (array[{listed}])[act] as action, md5('{tenant}' || 'actor' || actor)::uuid::text as actor_id,
        md5('{tenant}' || 'target' || chance % {TARGETS})::uuid::text as target_id, encode(sha256(hash::bytea), 'hex') as digest
    from rolled),
events as (
    insert into audit.trail_events ({EVENTS})
    select '{tenant}', id, seq, '{kept}', at, at + interval '40 milliseconds', md5('{tenant}' || 'workspace' || chance % 3)::uuid,
        'campaigns.' || split_part(action, '.', 1) || '.changed', 'campaigns', action,
        case when chance % 100 = 0 then 'denied' when chance % 20 = 0 then 'failure' else 'success' end, 'user', actor_id,
        jsonb_build_array(jsonb_build_object('type', split_part(action, '.', 1), 'id', target_id)), hash, null, null,
        jsonb_build_object('actor.name', digest, 'target.0.name', digest, 'ip', digest, 'user_agent', digest, 'changes', digest, 'metadata', digest),
        sha256(hash::bytea)
    from entries),
details as (
    insert into audit.trail_details ({DETAILS})
    select '{tenant}', id, '{kept}', 'Ada Example ' || actor, jsonb_build_array('Something ' || chance % {TARGETS}),
        '203.0.113.' || chance % 250, 'Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/14' || chance % 10 || '.0',
        jsonb_build_array(jsonb_build_object('path', 'name', 'before', 'Draft ' || chance % 1000, 'after', 'Final ' || chance % 1000)),
        jsonb_build_object('origin', 'console', 'batch', 'b' || seq / 500) || {rarely},
        jsonb_build_object('actor.name', hash, 'target.0.name', hash, 'ip', hash, 'user_agent', hash, 'changes', hash, 'metadata', hash),
        concat_ws(' ', action, replace(action, '.', ' '), 'campaigns.' || split_part(action, '.', 1) || '.changed', actor_id,
            split_part(action, '.', 1), target_id)
    from entries)
insert into audit.trail_targets ({TARGET_KEYS})
select '{tenant}', t.target, e.id, '{kept}'
from entries e cross join lateral (values (e.target_id), (split_part(e.action, '.', 1) || ':' || e.target_id)) as t (target)
"""


def of_company(company):
    """The statement that makes a company's entries, evenly until a minute ago."""
    days = companies.DAYS[company.kept]
    apart = (days * 86_400_000 - 60_000) / company.size
    rare = max(1, company.size // (WORDS * EACH)) if company.number == SEARCHER else 0
    return written(company.tenant, company.kept, company.size, f"extract(epoch from now() - interval '{days} days') * 1000", apart, rare)


def lapsed(rows):
    """Statements that make the month that is to be dropped, of all companies alike."""
    each = max(1, int(rows * LAPSED_SHARE) // companies.COMPANIES)
    start = f"extract(epoch from {LAPSED}::timestamp at time zone 'UTC') * 1000"
    # Of others than those who search: nothing of it is in their way.
    return [written(companies.identifier(companies.RETIRED + n), "d90", each, start, 28 * 86_400_000 / each) for n in range(companies.COMPANIES)]


@contextmanager
def without_words(sql, table):
    """Takes the index of words away while many rows come in, and makes it again over all of them at once."""
    found = sql.value(
        f"""select indexrelid::regclass, pg_get_indexdef(indexrelid) from pg_index i join pg_class c on c.oid = i.indexrelid
        join pg_am a on a.oid = c.relam where i.indrelid = '{table}'::regclass and a.amname = 'gin'""")
    if found.count("\n") or "|" not in found:
        raise Failure(f"{table} has not one index of words, but: {found or 'none'}")
    name, _, definition = found.partition("|")
    sql.run(f"drop index {name}")
    yield
    sql.run("set maintenance_work_mem = '1GB'", definition.replace(" ON ONLY ", " ON "))


def seed(ground, everybody, rows, signer):
    """All companies' entries, the month that is to be dropped, and what the service needs beside them."""
    first = f"(date_trunc('month', now(), 'UTC') at time zone 'UTC' - interval '{MONTHS - 1} months')::date"
    ground.sql.run(
        f"select audit.trail_make_partitions({first}, {MONTHS})",
        # What is over would be gone: each partition more costs every search something.
        f"select audit.trail_retire_month(class, month) from audit.trail_lapsed() where class <> 'd90' or month <> {LAPSED}")
    statements = [of_company(company) for company in everybody] + lapsed(rows)
    with step(f"Writing {sum(company.size for company in everybody)} entries of {len(everybody)} companies over {MONTHS} months"):
        with without_words(ground.sql, "audit.trail_details"):
            with ThreadPoolExecutor(WRITERS) as pool:
                # Each a session of its own; the largest companies stand first and are so divided.
                list(pool.map(lambda part: ground.psql("postgres").run(*part), [statements[place::WRITERS] for place in range(WRITERS)]))
            ground.sql.run(*(statement for company in everybody for statement in companies.settled(company, signer)))
    with step("Vacuum and analysis"):
        ground.sql.run(*(f"vacuum analyze audit.{name}" for name in (*TABLES, "trail_heads", "trail_checkpoints", "trail_plans")), "checkpoint")
