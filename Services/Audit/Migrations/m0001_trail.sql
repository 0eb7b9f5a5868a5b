-- The trail: append-only for the service's roles. Events without a tenant are in the platform's own tree, under the nil UUID.
create table events (
    tenant_id uuid not null,
    id uuid not null,
    workspace_id uuid,
    occurred_at timestamptz not null,
    recorded_at timestamptz not null,
    type text not null,
    source text not null,
    action text not null,
    outcome text not null,
    actor_kind text not null,
    actor_id text not null,
    actor_name text,
    targets jsonb not null,
    -- `type:id` and `id` of every target, for filters.
    target_keys text[] not null,
    address text,
    user_agent text,
    request text,
    trace text,
    changes jsonb not null,
    metadata jsonb not null,
    primary key (tenant_id, id)
);
create index events_actor on events (tenant_id, actor_id, id);
create index events_action on events (tenant_id, action, id);
create index events_targets on events using gin (target_keys);

alter table events enable row level security;
alter table events force row level security;
create policy tenant on events for select to audit_api using (tenant_id = nullif(current_setting('nile.tenant_id', true), '')::uuid);
create policy worker on events to audit_worker using (true) with check (true);
create policy owner on events to audit_owner using (true) with check (true);
-- Neither changing nor deleting is granted to anybody who answers or consumes.
grant select on events to audit_api;
grant select, insert on events to audit_worker;
