-- Sending accounts. The password is sealed for its row; it never leaves this table readable.
create table mailboxes (
    tenant_id uuid not null,
    id uuid not null,
    workspace_id uuid not null,
    address text not null,
    display_name text not null,
    smtp_host text not null,
    smtp_port integer not null,
    smtp_security text not null,
    smtp_username text not null,
    password_sealed text not null,
    state text not null default 'active' check (state in ('active', 'stopped')),
    state_reason text,
    version bigint not null default 1,
    created_at timestamptz not null,
    updated_at timestamptz not null,
    primary key (tenant_id, id),
    unique (tenant_id, address)
);
create index mailboxes_active on mailboxes (tenant_id, id) where state = 'active';

-- The send ledger: one row a mail for as long as its enrolment lives. Idempotency lives here; jobs may be pruned.
create table sends (
    tenant_id uuid not null,
    id uuid not null,
    send_key text not null,
    state text not null check (state in
        ('planned', 'claimed', 'data_sent', 'accepted', 'refused', 'deferred', 'ambiguous', 'suppressed', 'cancelled')),
    -- Raised with every change, so that readers can tell an old fact from a new one.
    version bigint not null default 1,
    -- Whoever claims raises it; a writer that holds a lower one has lost its lease.
    fence bigint not null default 0,
    workspace_id uuid not null,
    campaign_id uuid,
    enrolment_id uuid,
    mailbox_id uuid not null,
    recipient text not null,
    reservation_id uuid,
    -- How often a server has said "later", and since when.
    deferrals integer not null default 0,
    first_deferred_at timestamptz,
    reply_code integer,
    reply_text text,
    created_at timestamptz not null,
    data_sent_at timestamptz,
    resolved_at timestamptz,
    primary key (tenant_id, id),
    unique (tenant_id, send_key)
) partition by hash (tenant_id);
do $$
begin
    for number in 0..7 loop
        execute format('create table sends_%s partition of sends for values with (modulus 8, remainder %s)', number, number);
    end loop;
end $$;

-- What a mail says; erased when its fate is known.
create table send_contents (
    tenant_id uuid not null,
    send_id uuid not null,
    recipient_name text,
    subject text not null,
    text_body text not null,
    html_body text,
    primary key (tenant_id, send_id)
);

-- Work to do: identifiers only.
create table jobs (
    id uuid primary key,
    queue text not null,
    kind text not null,
    tenant_id uuid not null,
    workspace_id uuid not null,
    campaign_id uuid,
    enrolment_id uuid,
    mailbox_id uuid not null,
    send_id uuid not null,
    priority integer not null,
    run_at timestamptz not null,
    state text not null default 'queued' check (state in ('queued', 'running', 'completed', 'failed', 'cancelled')),
    attempt integer not null default 0,
    -- Tries that never reached a server's answer; they have a schedule of their own.
    unreachable integer not null default 0,
    fence bigint not null default 0,
    worker text,
    lease_until timestamptz,
    created_at timestamptz not null,
    finished_at timestamptz,
    unique (tenant_id, send_id)
);
create index jobs_claimable on jobs (tenant_id, mailbox_id, queue, priority, run_at, id) where state = 'queued';
create index jobs_due on jobs (queue, run_at) where state = 'queued';
create index jobs_leased on jobs (lease_until) where state = 'running';
create index jobs_worker on jobs (worker) where state = 'running';
create index jobs_finished on jobs (finished_at) where state in ('completed', 'failed', 'cancelled');

-- How each queue is set up; a paused one stays paused across restarts.
create table job_queues (
    name text primary key,
    lowest_priority integer,
    highest_priority integer,
    paused_at timestamptz,
    paused_by text,
    pause_reason text,
    warning_waiting integer not null default 100,
    critical_waiting integer not null default 1000,
    critical_failed integer not null default 10
);
insert into job_queues (name, lowest_priority, highest_priority) values
    ('queue:email-sending:high', 0, 50), ('queue:email-sending', 51, 150), ('queue:email-sending:low', 151, null),
    ('queue:warmup:process', null, null), ('queue:bounce:process', null, null), ('queue:analytics:daily-aggregate', null, null),
    ('queue:webhook:process', null, null);

-- Failures, retries and what operators did; a plain success writes nothing.
create table job_logs (
    id uuid primary key,
    tenant_id uuid not null,
    job_id uuid not null,
    attempt integer not null,
    level text not null,
    message text not null,
    at timestamptz not null
);
create index job_logs_job on job_logs (tenant_id, job_id, id);
create index job_logs_at on job_logs (at);

-- What may go out: no row is an open gate.
create table send_gates (
    tenant_id uuid not null,
    scope text not null check (scope in ('tenant', 'workspace', 'campaign', 'enrolment', 'mailbox')),
    id text not null,
    is_open boolean not null,
    reason text,
    version bigint not null,
    primary key (tenant_id, scope, id)
);

create table suppressions (
    tenant_id uuid not null,
    address text not null,
    -- NULL: the whole tenant.
    workspace_id uuid,
    reason text not null,
    source text not null,
    created_at timestamptz not null
);
create unique index suppressions_scope on suppressions (tenant_id, address, coalesce(workspace_id, '00000000-0000-0000-0000-000000000000'));

-- What Billing has to hear about each reservation; cumulative.
create table reservation_settlements (
    tenant_id uuid not null,
    reservation_id uuid not null,
    used bigint not null default 0,
    released bigint not null default 0,
    settled_used bigint not null default 0,
    settled_released bigint not null default 0,
    primary key (tenant_id, reservation_id)
);
create index reservation_settlements_open on reservation_settlements (tenant_id, reservation_id)
    where used <> settled_used or released <> settled_released;

-- Who admits work: one at a time, told apart by the fence.
create table dispatcher_lease (
    singleton boolean primary key default true check (singleton),
    holder text,
    fence bigint not null default 0,
    expires_at timestamptz not null default '-infinity'
);
insert into dispatcher_lease default values;

-- Attempts by minute, for the status page.
create table transport_minutes (
    minute timestamptz primary key,
    answered bigint not null default 0,
    unreachable bigint not null default 0
);

do $$
declare
    name text;
begin
    foreach name in array array['mailboxes', 'sends', 'send_contents', 'jobs', 'job_logs', 'send_gates', 'suppressions', 'reservation_settlements'] loop
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
grant insert, update on mailboxes to delivery_api;
grant select on job_queues to delivery_api;
grant select, update on job_queues to delivery_worker;
grant select, update on dispatcher_lease to delivery_worker;
grant select, insert, update, delete on transport_minutes to delivery_worker;
