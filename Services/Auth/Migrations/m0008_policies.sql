-- What a company asks of its people: how long sessions last, how long passwords are.
create table tenant_policies (
    tenant_id uuid primary key references public.tenants (id),
    session_idle_minutes integer not null check (session_idle_minutes between 5 and 10080),
    session_absolute_hours integer not null check (session_absolute_hours between 1 and 720),
    password_minimum_length integer not null check (password_minimum_length between 8 and 64),
    updated_at timestamptz not null
);
alter table tenant_policies enable row level security;
alter table tenant_policies force row level security;
create policy tenant on tenant_policies to auth_api
    using (tenant_id = nullif(current_setting('nile.tenant_id', true), '')::uuid)
    with check (tenant_id = nullif(current_setting('nile.tenant_id', true), '')::uuid);
create policy worker on tenant_policies to auth_worker using (true) with check (true);
create policy owner on tenant_policies to auth_owner using (true) with check (true);
grant select, insert, update on tenant_policies to auth_api;
grant select on tenant_policies to auth_worker;
