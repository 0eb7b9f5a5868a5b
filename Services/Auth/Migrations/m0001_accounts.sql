-- People, companies and who belongs where, in the layout of Nile (users.users, public.tenants, users.tenant_users), so that its SDK fits.

create table public.tenants (
    id uuid primary key,
    name text not null,
    created timestamptz not null,
    updated timestamptz not null,
    deleted timestamptz
);
alter table public.tenants enable row level security;
alter table public.tenants force row level security;
create policy tenant on public.tenants to auth_api using (id = nullif(current_setting('nile.tenant_id', true), '')::uuid);
create policy worker on public.tenants to auth_worker using (true) with check (true);
create policy owner on public.tenants to auth_owner using (true) with check (true);
grant usage on schema public to auth_api, auth_worker;
grant select on public.tenants to auth_api;
grant select, insert, update on public.tenants to auth_worker;

create table users.users (
    id uuid primary key,
    email text not null,
    name text,
    family_name text,
    given_name text,
    picture text,
    email_verified timestamptz,
    multi_factor text,
    created timestamptz not null,
    updated timestamptz not null,
    deleted timestamptz
);
create unique index users_email on users.users (email) where deleted is null;
-- Belongs to no tenant: only the worker role, which signs people up and in, reads it.
grant usage on schema users to auth_api, auth_worker;
grant select, insert, update on users.users to auth_worker;

create table users.tenant_users (
    tenant_id uuid not null references public.tenants (id),
    user_id uuid not null references users.users (id),
    roles text[] not null,
    email text,
    created timestamptz not null,
    updated timestamptz not null,
    deleted timestamptz,
    primary key (tenant_id, user_id)
);
create index tenant_users_user on users.tenant_users (user_id) where deleted is null;
alter table users.tenant_users enable row level security;
alter table users.tenant_users force row level security;
create policy tenant on users.tenant_users to auth_api using (tenant_id = nullif(current_setting('nile.tenant_id', true), '')::uuid);
create policy worker on users.tenant_users to auth_worker using (true) with check (true);
create policy owner on users.tenant_users to auth_owner using (true) with check (true);
grant select on users.tenant_users to auth_api;
grant select, insert, update on users.tenant_users to auth_worker;

create table credentials (
    id uuid primary key,
    user_id uuid not null references users.users (id),
    method text not null,
    provider text,
    payload jsonb not null,
    created timestamptz not null,
    updated timestamptz not null,
    deleted timestamptz
);
create unique index credentials_user_method on credentials (user_id, method) where deleted is null;
grant select, insert, update on credentials to auth_worker;

-- One attempt to prove an address: a link and a code, good once, for 30 minutes and five tries.
create table email_verifications (
    id uuid primary key,
    user_id uuid not null references users.users (id),
    address text not null,
    token_digest bytea not null unique,
    code_tag text not null,
    attempts integer not null default 0,
    created_at timestamptz not null,
    expires_at timestamptz not null,
    consumed_at timestamptz
);
create index email_verifications_user on email_verifications (user_id, created_at desc);
grant select, insert, update on email_verifications to auth_worker;

create table sessions (
    id uuid primary key,
    user_id uuid not null references users.users (id),
    tenant_id uuid not null references public.tenants (id),
    token_digest bytea not null unique,
    created_at timestamptz not null,
    last_seen_at timestamptz not null,
    expires_at timestamptz not null,
    revoked_at timestamptz,
    address text,
    user_agent text
);
create index sessions_user on sessions (user_id) where revoked_at is null;
grant select, insert, update on sessions to auth_worker;

-- Mail on its way; its words are sealed until it is sent, then gone.
create table mails (
    id uuid primary key,
    kind text not null,
    recipient text not null,
    content_sealed text,
    attempts integer not null default 0,
    created_at timestamptz not null,
    next_attempt_at timestamptz not null,
    sent_at timestamptz,
    failed_at timestamptz,
    last_error text
);
create index mails_due on mails (next_attempt_at) where sent_at is null and failed_at is null;
grant select, insert, update on mails to auth_worker;

create table workspaces (
    tenant_id uuid not null references public.tenants (id),
    id uuid not null,
    name text not null,
    slug text not null,
    postal_address text,
    created_at timestamptz not null,
    primary key (tenant_id, id),
    unique (tenant_id, slug)
);
alter table workspaces enable row level security;
alter table workspaces force row level security;
create policy tenant on workspaces to auth_api
    using (tenant_id = nullif(current_setting('nile.tenant_id', true), '')::uuid)
    with check (tenant_id = nullif(current_setting('nile.tenant_id', true), '')::uuid);
create policy worker on workspaces to auth_worker using (true) with check (true);
create policy owner on workspaces to auth_owner using (true) with check (true);
grant select, insert on workspaces to auth_api;
grant select on workspaces to auth_worker;
