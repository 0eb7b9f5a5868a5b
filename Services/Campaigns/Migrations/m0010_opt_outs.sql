-- An enrolment that ended by a wish that can be taken back: the mail whose link it was, and what the enrolment was before.
alter table enrolments
    add column opt_out_send uuid,
    add column opt_out_status text,
    add column opt_out_reason text,
    add constraint enrolments_opt_out check ((opt_out_send is null) = (opt_out_status is null) and (opt_out_send is not null or opt_out_reason is null));

-- The people of a domain, a batch at a time.
create index leads_domain on leads (tenant_id, split_part(email, '@', -1), id);

-- Domains that must not be written to, until everybody there has left the campaigns; a batch a transaction.
create table domain_stops (
    tenant_id uuid not null,
    id uuid not null,
    domain text not null,
    -- Nil is the whole company.
    workspace_id uuid,
    reason text not null,
    -- The lead that was looked at last.
    cursor uuid not null default '00000000-0000-0000-0000-000000000000',
    created_at timestamptz not null,
    primary key (tenant_id, id)
);
create index domain_stops_work on domain_stops (created_at, id);
alter table domain_stops enable row level security;
alter table domain_stops force row level security;
create policy tenant on domain_stops to campaigns_api
    using (tenant_id = nullif(current_setting('nile.tenant_id', true), '')::uuid)
    with check (tenant_id = nullif(current_setting('nile.tenant_id', true), '')::uuid);
create policy worker on domain_stops to campaigns_worker using (true) with check (true);
create policy owner on domain_stops to campaigns_owner using (true) with check (true);
grant select, insert, update on domain_stops to campaigns_api;
grant select, insert, update, delete on domain_stops to campaigns_worker;
