-- Where tenants want to be told what happens, what they are to be told, and how that went.

create table webhook_endpoints (
    tenant_id uuid not null,
    id uuid not null,
    -- Only what happens in this workspace; null is everything.
    workspace_id uuid,
    url text not null,
    description text not null default '',
    -- Names of what is told; '*' is everything, also what there will be.
    types text[] not null check (cardinality(types) > 0),
    secret_sealed text not null,
    -- Signs too until then, so that a receiver has time to learn the new one.
    previous_secret_sealed text,
    previous_until timestamptz,
    -- Paused: what happens is kept for it. Disabled: it said that it is gone, and is kept nothing. Deleted: what was kept is being cleared away.
    state text not null default 'active' check (state in ('active', 'paused', 'disabled', 'deleted')),
    state_reason text,
    state_since timestamptz not null,
    -- Attempts that failed, in a row.
    failures integer not null default 0,
    -- When to look for something to deliver; infinity: nothing waits, or whoever ends a delivery says so. Changed under the row's lock only.
    due_at timestamptz not null default 'infinity',
    tested_at timestamptz,
    created_at timestamptz not null,
    updated_at timestamptz not null,
    primary key (tenant_id, id)
);
create index webhook_endpoints_due on webhook_endpoints (due_at, tenant_id, id) where state = 'active';
create index webhook_endpoints_deleted on webhook_endpoints (tenant_id, id) where state = 'deleted';

-- What was told, once for all who are told it.
create table webhook_messages (
    tenant_id uuid not null,
    id uuid not null,
    workspace_id uuid,
    type text not null,
    -- The fact it comes from: heard twice, it is told once.
    source_key text not null,
    -- The very bytes that are signed and sent.
    body text not null,
    created_at timestamptz not null,
    primary key (tenant_id, id),
    unique (tenant_id, source_key)
);
create index webhook_messages_age on webhook_messages (created_at);

create table webhook_deliveries (
    tenant_id uuid not null,
    message_id uuid not null,
    endpoint_id uuid not null,
    type text not null,
    state text not null default 'waiting' check (state in ('waiting', 'running', 'delivered', 'failed')),
    -- Failed tries since it was put in, or replayed.
    tries integer not null default 0,
    -- All there ever were.
    attempts integer not null default 0,
    next_at timestamptz not null,
    -- Who has it in hand until when; another value is another claim.
    claim uuid,
    lease_until timestamptz,
    last_at timestamptz,
    last_status integer,
    last_error text,
    created_at timestamptz not null,
    primary key (tenant_id, message_id, endpoint_id)
);
create unique index webhook_deliveries_list on webhook_deliveries (tenant_id, endpoint_id, message_id);
create index webhook_deliveries_waiting on webhook_deliveries (tenant_id, endpoint_id, next_at, message_id) where state = 'waiting';
create index webhook_deliveries_failed on webhook_deliveries (tenant_id, endpoint_id, message_id) where state = 'failed';
create index webhook_deliveries_running on webhook_deliveries (tenant_id, endpoint_id) where state = 'running';
create index webhook_deliveries_leases on webhook_deliveries (lease_until) where state = 'running';

create table webhook_attempts (
    tenant_id uuid not null,
    message_id uuid not null,
    endpoint_id uuid not null,
    number integer not null,
    at timestamptz not null,
    duration_ms integer not null,
    status integer,
    error text,
    -- The first kilobyte of what the server said.
    answer text,
    primary key (tenant_id, message_id, endpoint_id, number)
);

do $$
declare
    name text;
begin
    foreach name in array array['webhook_endpoints', 'webhook_messages', 'webhook_deliveries', 'webhook_attempts'] loop
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
grant insert, update on webhook_endpoints to delivery_api;
grant update on webhook_deliveries to delivery_api;
