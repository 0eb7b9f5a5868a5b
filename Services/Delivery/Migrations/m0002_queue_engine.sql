-- The queue for every kind of job, lanes that keep order and pace, and counters that move in the commit.

-- A job that sends a mail has the identifier of its send. A lane keeps the order of its jobs: a mailbox for mail, whatever else its kind
-- says for the others.
update job_logs l set job_id = j.send_id from jobs j where j.id = l.job_id;
alter table jobs rename column mailbox_id to lane_id;
update jobs set id = send_id;
alter table jobs
    alter column workspace_id drop not null,
    drop column send_id,
    drop column worker,
    -- Identifiers and small values for kinds that have no row of their own; never secrets, never what a mail says.
    add column payload jsonb,
    -- One job a key and kind, as long as the job is kept.
    add column unique_key text,
    add column max_attempts integer not null default 12,
    -- The recipient's domain, for pauses of one destination.
    add column destination text,
    add column claimed_at timestamptz,
    add column error text;
alter table jobs drop constraint jobs_state_check;
-- Gated: due, and held by a gate; set aside so that nobody reads past it again and again.
alter table jobs add constraint jobs_state_check check (state in ('queued', 'gated', 'running', 'completed', 'failed', 'cancelled'));
create unique index jobs_unique_key on jobs (tenant_id, kind, unique_key) where unique_key is not null;
create index jobs_gated on jobs (tenant_id, id) where state = 'gated';
create index jobs_in_lane on jobs (tenant_id, lane_id, queue, run_at) where state = 'queued';
create index jobs_running on jobs (tenant_id, lane_id) where state = 'running';
drop index jobs_due;
create index jobs_due on jobs (queue, run_at, id) where state = 'queued';
drop index jobs_finished;
create index jobs_completed on jobs (queue, id) where state in ('completed', 'cancelled');
create index jobs_failed on jobs (queue, id) where state = 'failed';

-- Which lanes have work, and when to look at each again; infinity: nothing waits there.
create table lanes (
    queue text not null,
    tenant_id uuid not null,
    lane_id uuid not null,
    next_at timestamptz not null,
    primary key (queue, tenant_id, lane_id)
);
create index lanes_due on lanes (queue, next_at);
insert into lanes select queue, tenant_id, lane_id, min(run_at) from jobs where state = 'queued' group by 1, 2, 3;

-- Pace. What was claimed is counted by the minute, in the transaction of the claim: restarts and replicas see the same.
alter table mailboxes
    add column daily_limit integer check (daily_limit > 0),
    add column hourly_limit integer check (hourly_limit > 0),
    add column gap_seconds integer not null default 0 check (gap_seconds >= 0),
    add column ramp text check (ramp in ('conservative', 'moderate', 'aggressive')),
    add column ramp_started_at timestamptz,
    -- Closed until then by its pace.
    add column opens_at timestamptz,
    add column opens_reason text,
    -- Tries in a row that failed for reasons of the mailbox.
    add column failures integer not null default 0,
    add column state_since timestamptz,
    drop constraint mailboxes_state_check,
    add constraint mailboxes_state_check check (state in ('active', 'paused', 'stopped'));
create table mailbox_minutes (
    tenant_id uuid not null,
    mailbox_id uuid not null,
    minute timestamptz not null,
    mails integer not null,
    primary key (tenant_id, mailbox_id, minute)
);
create index mailbox_minutes_old on mailbox_minutes (minute);

-- A destination that says "later" to a mailbox rests, and its mail with it; others go on.
create table destination_pauses (
    tenant_id uuid not null,
    mailbox_id uuid not null,
    destination text not null,
    closed_until timestamptz not null,
    deferrals integer not null,
    primary key (tenant_id, mailbox_id, destination)
);
create index destination_pauses_until on destination_pauses (closed_until);

-- A gate that was opened lets out what it held, in batches.
alter table send_gates add column is_released boolean not null default true;
create index send_gates_unreleased on send_gates (tenant_id, scope, id) where is_open and not is_released;

create table delivery_settings (
    tenant_id uuid primary key,
    -- What happens to a mail of which nobody can know whether it arrived.
    ambiguous text not null default 'hold' check (ambiguous in ('hold', 'resend')),
    updated_at timestamptz not null
);
create index sends_ambiguous on sends (tenant_id, id) where state = 'ambiguous';

-- Changed in the commit that changes jobs, in shards so that writers do not wait for each other; readers sum.
create table queue_counters (
    queue text not null,
    shard integer not null,
    -- Queued and gated, due or not.
    waiting bigint not null default 0,
    active bigint not null default 0,
    failed bigint not null default 0,
    primary key (queue, shard)
);
insert into queue_counters
select queue, 0, count(*) filter (where state = 'queued'), count(*) filter (where state = 'running'), count(*) filter (where state = 'failed')
from jobs group by queue;
create table queue_minutes (
    queue text not null,
    minute timestamptz not null,
    shard integer not null,
    enqueued bigint not null default 0,
    completed bigint not null default 0,
    failed bigint not null default 0,
    retried bigint not null default 0,
    primary key (queue, minute, shard)
);
create index queue_minutes_old on queue_minutes (minute);

-- Who works, by sign of life.
create table workers (
    name text primary key,
    started_at timestamptz not null,
    seen_at timestamptz not null,
    slots integer not null,
    in_hand integer not null
);

-- Work that comes by the clock; whoever leads the dispatch enqueues it.
create table cron_kinds (
    kind text primary key,
    queue text not null,
    period_seconds bigint not null check (period_seconds > 0),
    next_at timestamptz not null
);
insert into job_queues (name) values ('queue:maintenance');
insert into cron_kinds (kind, queue, period_seconds, next_at) values
    ('maintenance.retention', 'queue:maintenance', 3600, '2026-01-01T00:30:00Z'),
    ('maintenance.recount', 'queue:maintenance', 86400, '2026-01-01T03:10:00Z');

do $$
declare
    name text;
begin
    foreach name in array array['lanes', 'mailbox_minutes', 'destination_pauses', 'delivery_settings'] loop
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
grant insert, update on delivery_settings to delivery_api;
-- A mailbox that may send again wakes its lanes.
grant update (next_at) on lanes to delivery_api;
grant select, insert, update, delete on queue_counters, queue_minutes, workers to delivery_worker;
grant select, update on cron_kinds to delivery_worker;
