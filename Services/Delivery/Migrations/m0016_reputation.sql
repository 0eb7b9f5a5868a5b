-- Reputation by mailbox and domain, holds for complaints, blacklists, and warm-ups as data.

-- What became of a mailbox' mails, by the day on which it was known here; a domain is the sum of its mailboxes, so that no row is shared by
-- those who write outcomes side by side. Counted in the commit of the outcome or the feedback; recounted at night from `sends` and
-- `send_feedback`.
create table reputation_days (
    tenant_id uuid not null,
    mailbox_id uuid not null,
    day date not null,
    -- Of the sender's address.
    domain text not null,
    accepted bigint not null default 0,
    -- For good, while it was handed over (5xx).
    refused bigint not null default 0,
    -- A report that came later.
    hard_bounces bigint not null default 0,
    -- Reports that it may work later, and mail that was given up after too many replies of that kind (4xx).
    soft_bounces bigint not null default 0,
    complaints bigint not null default 0,
    unsubscribes bigint not null default 0,
    replies bigint not null default 0,
    primary key (tenant_id, mailbox_id, day)
);
create index reputation_days_domain on reputation_days (tenant_id, domain, day);
create index reputation_days_tenant on reputation_days (tenant_id, day);
create index reputation_days_old on reputation_days (day);

-- What came back about a mail, once a mail and kind: who tells it twice changes nothing.
create table send_feedback (
    tenant_id uuid not null,
    send_id uuid not null,
    kind text not null check (kind in ('hard_bounce', 'soft_bounce', 'complained', 'unsubscribed', 'replied')),
    mailbox_id uuid not null,
    -- On which it was counted.
    day date not null,
    at timestamptz not null,
    primary key (tenant_id, send_id, kind)
);
create index send_feedback_day on send_feedback (day);
-- The nightly recount reads a day or three of the ledger. Rows come to their end about in the order in which they lie, and such an index costs
-- a mail next to nothing.
create index sends_resolved on sends using brin (resolved_at) with (autosummarize = on);

-- The last score of each; the history follows from reputation_days.
create table reputations (
    tenant_id uuid not null,
    scope text not null check (scope in ('domain', 'mailbox')),
    -- The domain, or the mailbox' identifier.
    subject text not null,
    -- NULL: nothing to say, for this reason.
    score integer check (score between 0 and 100),
    band text check (band in ('green', 'yellow', 'red')),
    reason text,
    accepted bigint not null,
    bounces bigint not null,
    complaints bigint not null,
    unsubscribes bigint not null,
    checked_at timestamptz not null,
    primary key (tenant_id, scope, subject),
    check ((score is null) = (band is null) and (score is null) = (reason is not null))
);
create index reputations_checked on reputations (checked_at) where score is not null;

-- Streams that too many complaints hold: nothing is sent from their mailboxes. A row is a hold that stands; what was is in the trail.
create table complaint_holds (
    tenant_id uuid not null,
    scope text not null check (scope in ('tenant', 'domain')),
    -- The domain, or the tenant's identifier.
    subject text not null,
    level text not null check (level in ('pause', 'stop')),
    complaints bigint not null,
    accepted bigint not null,
    reason text not null,
    held_since timestamptz not null,
    primary key (tenant_id, scope, subject)
);

-- What the configured blacklists said last.
create table blacklist_results (
    tenant_id uuid not null,
    kind text not null check (kind in ('domain', 'ip')),
    -- The domain or the address.
    subject text not null,
    zone text not null,
    -- The server whose address it is.
    host text,
    status text not null check (status in ('listed', 'clean', 'unknown')),
    codes text[] not null default '{}',
    meaning text,
    listed_since timestamptz,
    -- When the zone last answered, and when it last did not, and why.
    checked_at timestamptz,
    failed_at timestamptz,
    failure text,
    primary key (tenant_id, kind, subject, zone)
);

-- How mailboxes are warmed up: each step's share of the daily limit. Staff may change them; a change holds for the steps to come.
create table warmup_strategies (
    name text primary key check (name ~ '^[a-z][a-z0-9_]{0,31}$'),
    title text not null,
    description text not null,
    -- No day has a lower limit, unless the goal is lower.
    least integer not null check (least between 1 and 1000),
    -- From 0 to 1, never falling, one a day; the last is 1.
    shares double precision[] not null check (cardinality(shares) between 1 and 120),
    updated_at timestamptz not null
);
insert into warmup_strategies (name, title, description, least, shares, updated_at) values
    ('conservative', 'Conservative', 'A new domain, or one that has had trouble: even steps over 30 days.', 5,
     array(select n / 30.0::double precision from generate_series(1, 30) n), now()),
    ('moderate', 'Moderate', 'A domain that is known, with a new mailbox: even steps over 20 days.', 5,
     array(select n / 20.0::double precision from generate_series(1, 20) n), now()),
    ('aggressive', 'Aggressive', 'A mailbox that has been written from for months: even steps over 10 days.', 5,
     array(select n / 10.0::double precision from generate_series(1, 10) n), now());

alter table mailboxes
    drop constraint mailboxes_ramp_check,
    -- Paused by a hold for complaints: active again when none is left.
    add column complaint_held boolean not null default false,
    -- A warm-up that its owner has paused, and for how long it was paused before.
    add column warmup_paused_at timestamptz,
    add column warmup_paused_seconds double precision not null default 0 check (warmup_paused_seconds >= 0),
    -- By how many days its steps are behind the days that have passed, how many of those were judged, and what was said of the last.
    add column warmup_lag_days integer not null default 0 check (warmup_lag_days >= 0),
    add column warmup_judged_days integer not null default 0 check (warmup_judged_days >= 0),
    add column warmup_judgement text;
-- For the blacklists, which are asked once whoever sends through a host.
create index mailboxes_host on mailboxes (lower(smtp_host));
create index mailboxes_warming on mailboxes (tenant_id, id) where ramp is not null;

insert into cron_kinds (kind, queue, period_seconds, next_at) values
    ('reputation.recount', 'queue:analytics:daily-aggregate', 86400, '2026-01-01T03:20:00Z'),
    ('reputation.score', 'queue:analytics:daily-aggregate', 3600, '2026-01-01T00:40:00Z'),
    ('reputation.blacklists', 'queue:analytics:daily-aggregate', 86400, '2026-01-01T04:10:00Z'),
    ('warmup.advance', 'queue:warmup:process', 3600, '2026-01-01T00:45:00Z');

do $$
declare
    name text;
begin
    foreach name in array array['reputation_days', 'send_feedback', 'reputations', 'complaint_holds', 'blacklist_results'] loop
        execute format('alter table %I enable row level security', name);
        execute format('alter table %I force row level security', name);
        execute format($policy$create policy tenant on %I to delivery_api
            using (tenant_id = nullif(current_setting('nile.tenant_id', true), '')::uuid)
            with check (tenant_id = nullif(current_setting('nile.tenant_id', true), '')::uuid)$policy$, name);
        execute format('create policy worker on %I to delivery_worker using (true) with check (true)', name);
        execute format('create policy owner on %I to delivery_owner using (true) with check (true)', name);
        execute format('grant select on %I to delivery_api', name);
        execute format('grant select, insert, update, delete on %I to delivery_worker', name);
    end loop;
end $$;
-- Whoever was held lets go by an act of his own.
grant update, delete on complaint_holds to delivery_api;
grant select on warmup_strategies to delivery_api;
grant select, insert, update on warmup_strategies to delivery_worker;
