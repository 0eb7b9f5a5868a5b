-- Keys by which programs act for a company; only a digest of each is kept.
create table api_keys (
    tenant_id uuid not null references public.tenants (id),
    id uuid not null,
    name text not null,
    -- The beginning of the key, to recognise it by.
    hint text not null,
    digest bytea not null unique,
    scopes text[] not null,
    requests_per_minute integer not null check (requests_per_minute between 1 and 10000),
    created_by uuid not null references users.users (id),
    created_at timestamptz not null,
    expires_at timestamptz,
    last_used_at timestamptz,
    revoked_at timestamptz,
    primary key (tenant_id, id)
);
alter table api_keys enable row level security;
alter table api_keys force row level security;
create policy tenant on api_keys to auth_api
    using (tenant_id = nullif(current_setting('nile.tenant_id', true), '')::uuid)
    with check (tenant_id = nullif(current_setting('nile.tenant_id', true), '')::uuid);
create policy worker on api_keys to auth_worker using (true) with check (true);
create policy owner on api_keys to auth_owner using (true) with check (true);
grant select, insert, update on api_keys to auth_api;
grant select, update on api_keys to auth_worker;
