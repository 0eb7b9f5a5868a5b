-- People of a company beside its founder: limits to workspaces, and invitations.

-- Null is all workspaces.
alter table users.tenant_users add column workspaces uuid[];
create index tenant_users_tenant on users.tenant_users (tenant_id, created, user_id) where deleted is null;

create table invitations (
    tenant_id uuid not null references public.tenants (id),
    id uuid not null,
    address text not null,
    role text not null check (role in ('admin', 'member', 'viewer')),
    workspaces uuid[],
    token_digest bytea not null unique,
    invited_by uuid not null references users.users (id),
    created_at timestamptz not null,
    expires_at timestamptz not null,
    accepted_at timestamptz,
    revoked_at timestamptz,
    primary key (tenant_id, id)
);
create unique index invitations_open on invitations (tenant_id, address) where accepted_at is null and revoked_at is null;
alter table invitations enable row level security;
alter table invitations force row level security;
create policy tenant on invitations to auth_api
    using (tenant_id = nullif(current_setting('nile.tenant_id', true), '')::uuid)
    with check (tenant_id = nullif(current_setting('nile.tenant_id', true), '')::uuid);
create policy worker on invitations to auth_worker using (true) with check (true);
create policy owner on invitations to auth_owner using (true) with check (true);
grant select on invitations to auth_api;
grant select, insert, update on invitations to auth_worker;

create index sessions_tenant on sessions (tenant_id, user_id) where revoked_at is null;
