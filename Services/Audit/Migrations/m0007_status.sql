-- What the public status remembers: how each part fares, its minutes by day, incidents, announced work. It belongs to the platform, not to a tenant.

-- Deadlines outlive a restart: since when a part is in trouble or well again, and up to which minute (since 1970) its time was counted.
create table status_components (
    component text primary key,
    samples jsonb not null,
    troubled_since timestamptz,
    well_since timestamptz,
    incident_id uuid,
    counted_until bigint not null,
    seen_at timestamptz not null
);

-- Minutes by state; a day is its number since 1970-01-01 in UTC. Minutes that nobody saw are in no column.
create table status_days (
    day integer not null,
    component text not null,
    operational integer not null,
    degraded integer not null,
    down integer not null,
    maintenance integer not null,
    primary key (day, component)
);

create table status_incidents (
    id uuid primary key,
    title text not null,
    impact text not null check (impact in ('minor', 'major', 'critical')),
    state text not null check (state in ('investigating', 'identified', 'monitoring', 'resolved')),
    components text[] not null,
    automatic boolean not null,
    started_at timestamptz not null,
    updated_at timestamptz not null,
    resolved_at timestamptz,
    check ((state = 'resolved') = (resolved_at is not null))
);
create index status_incidents_started on status_incidents (started_at desc, id desc);
create index status_incidents_open on status_incidents (id) where resolved_at is null;

create table status_incident_updates (
    incident_id uuid not null references status_incidents (id),
    id uuid not null,
    state text not null,
    message text not null,
    at timestamptz not null,
    primary key (incident_id, id)
);

create table status_maintenances (
    id uuid primary key,
    title text not null,
    message text not null,
    components text[] not null,
    starts_at timestamptz not null,
    ends_at timestamptz not null,
    cancelled_at timestamptz,
    updated_at timestamptz not null,
    check (ends_at > starts_at)
);
create index status_maintenances_end on status_maintenances (ends_at);

-- Which replica writes; the others only read.
create table status_keeper (
    singleton boolean primary key default true check (singleton),
    holder text not null,
    expires_at timestamptz not null
);
insert into status_keeper (holder, expires_at) values ('', '-infinity');

-- Requests read what the staff is shown; only background work and the staff's recorded acts write, and what was said is never taken back.
grant select on status_incidents, status_incident_updates, status_maintenances to audit_api;
grant select, insert, update on status_components, status_incidents, status_maintenances to audit_worker;
grant select, insert on status_incident_updates to audit_worker;
grant select, insert, update, delete on status_days to audit_worker;
grant select, update on status_keeper to audit_worker;
