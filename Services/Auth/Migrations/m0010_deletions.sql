-- Companies and workspaces on their way out: asked for, 30 days to think again, then step by step in every service.

create table deletions (
    tenant_id uuid not null references public.tenants (id),
    id uuid not null,
    -- Null is the whole company.
    workspace_id uuid,
    name text not null,
    requested_by uuid not null references users.users (id),
    requested_at timestamptz not null,
    due_at timestamptz not null,
    -- When to look at it again; while a step is running, when it counts as lost.
    next_attempt_at timestamptz not null,
    -- From then on it cannot be undone.
    begun_at timestamptz,
    undone_at timestamptz,
    -- Nothing is left to do, also nothing of undoing it.
    completed_at timestamptz,
    primary key (tenant_id, id)
);
create unique index deletions_open on deletions (tenant_id, coalesce(workspace_id, '00000000-0000-0000-0000-000000000000'))
    where undone_at is null and completed_at is null;
create index deletions_due on deletions (next_attempt_at) where completed_at is null;

create table deletion_steps (
    tenant_id uuid not null,
    deletion_id uuid not null,
    step text not null,
    acknowledged_at timestamptz,
    -- Tries in a row that failed, and why the last one did.
    attempts integer not null default 0,
    last_error text,
    primary key (tenant_id, deletion_id, step),
    foreign key (tenant_id, deletion_id) references deletions (tenant_id, id)
);

-- Set when its deletion has begun: nobody works in it any more, and its data goes.
alter table workspaces add column closed_at timestamptz;

do $$
declare
    name text;
begin
    foreach name in array array['deletions', 'deletion_steps'] loop
        execute format('alter table %I enable row level security', name);
        execute format('alter table %I force row level security', name);
        execute format($policy$create policy tenant on %I to auth_api
            using (tenant_id = nullif(current_setting('nile.tenant_id', true), '')::uuid)$policy$, name);
        execute format('create policy worker on %I to auth_worker using (true) with check (true)', name);
        execute format('create policy owner on %I to auth_owner using (true) with check (true)', name);
        execute format('grant select on %I to auth_api', name);
        execute format('grant select, insert, update on %I to auth_worker', name);
    end loop;
end $$;
grant update, delete on workspaces to auth_worker;
grant delete on users.tenant_users, credentials, api_keys, support_sessions, feature_flags, tenant_policies to auth_worker;
