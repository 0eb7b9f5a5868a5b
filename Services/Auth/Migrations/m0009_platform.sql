-- What the operator's people may do: suspend, switch features, and look into a company with a stated reason. None of it acts as somebody else.

alter table users.users add column suspended_at timestamptz, add column suspended_reason text;
alter table public.tenants add column suspended_at timestamptz, add column suspended_reason text,
    -- Raised with every suspension and its end, so that readers of the events know the last word.
    add column suspension_version bigint not null default 0;
create index users_email_prefix on users.users (email text_pattern_ops) where deleted is null;
create index tenants_name_prefix on public.tenants (lower(name) text_pattern_ops) where deleted is null;

-- A stated reason to read one company's trail, for an hour at most; the company sees it.
create table support_sessions (
    tenant_id uuid not null references public.tenants (id),
    id uuid not null unique,
    staff_user_id uuid not null references users.users (id),
    staff_name text not null,
    reason text not null,
    ticket text not null,
    created_at timestamptz not null,
    expires_at timestamptz not null,
    ended_at timestamptz,
    primary key (tenant_id, id)
);
create index support_sessions_staff on support_sessions (staff_user_id, id desc);
alter table support_sessions enable row level security;
alter table support_sessions force row level security;
create policy tenant on support_sessions to auth_api using (tenant_id = nullif(current_setting('nile.tenant_id', true), '')::uuid);
create policy worker on support_sessions to auth_worker using (true) with check (true);
create policy owner on support_sessions to auth_owner using (true) with check (true);
grant select on support_sessions to auth_api;
grant select, insert, update on support_sessions to auth_worker;

create table feature_flags (
    tenant_id uuid not null references public.tenants (id),
    name text not null,
    is_enabled boolean not null,
    updated_at timestamptz not null,
    primary key (tenant_id, name)
);
alter table feature_flags enable row level security;
alter table feature_flags force row level security;
create policy tenant on feature_flags to auth_api using (tenant_id = nullif(current_setting('nile.tenant_id', true), '')::uuid);
create policy worker on feature_flags to auth_worker using (true) with check (true);
create policy owner on feature_flags to auth_owner using (true) with check (true);
grant select on feature_flags to auth_api;
grant select, insert, update on feature_flags to auth_worker;
