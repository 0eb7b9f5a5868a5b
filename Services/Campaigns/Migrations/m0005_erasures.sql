-- Forgetting a lead everywhere: a row an erasure, each of its steps with the time at which it was acknowledged.
create table erasures (
    tenant_id uuid not null,
    id uuid not null,
    lead_id uuid not null,
    -- Sealed for this row; Delivery knows people by their address, and the lead may be deleted meanwhile. Removed when all is done, as are the
    -- other things that say more than who asked when.
    address_sealed text,
    -- Whether the lead had asked not to be written to, when it was asked.
    is_opted_out boolean,
    reason text,
    ticket text,
    requested_by uuid not null,
    requested_at timestamptz not null,
    -- The lead has left every campaign: in the transaction of the request.
    stopped_at timestamptz not null,
    delivery_at timestamptz,
    audit_at timestamptz,
    campaigns_at timestamptz,
    finished_at timestamptz,
    -- Segments whose filters name the address; what they ask is their owners' to change.
    segments uuid[] not null default '{}',
    -- How far the reading of what no index finds has come: rejected rows, files, answers that could be repeated, rejected rows of imports that
    -- were still at work. The import or export that was looked at last, and the line or part in it.
    scan text not null default 'rejected_rows' check (scan in ('rejected_rows', 'exports', 'answers', 'late_rows', 'done')),
    scan_row uuid not null default '00000000-0000-0000-0000-000000000000',
    scan_part bigint not null default 0,
    -- Failures in a row.
    attempts integer not null default 0,
    -- When it is looked at again; until then it is in the hands of whoever looked last.
    retry_at timestamptz not null,
    failure text,
    primary key (tenant_id, id),
    -- Asked for twice, it is one erasure: no lead gets an identifier that another one had.
    unique (tenant_id, lead_id)
);
create index erasures_due on erasures (retry_at, id) where finished_at is null;

alter table erasures enable row level security;
alter table erasures force row level security;
create policy tenant on erasures to campaigns_api
    using (tenant_id = nullif(current_setting('nile.tenant_id', true), '')::uuid)
    with check (tenant_id = nullif(current_setting('nile.tenant_id', true), '')::uuid);
create policy worker on erasures to campaigns_worker using (true) with check (true);
create policy owner on erasures to campaigns_owner using (true) with check (true);
grant select on erasures to campaigns_api;
grant select, insert, update, delete on erasures to campaigns_worker;

-- Rejected rows by the value that was wrong with them, such as an address; no address is longer.
create index import_errors_value on import_errors (tenant_id, left(lower(value), 320)) where value is not null;
