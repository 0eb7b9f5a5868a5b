-- Certificates of the hosts under which companies' links stand, by company and host: waiting (the host's CNAME is not proven), ordered (proven;
-- ordered next, or being ordered), issued, failing (tried, and tried again later).
create table tracking_certificates (
    tenant_id uuid not null,
    -- Lower case, as in the certificate.
    host text not null,
    domain_id uuid not null,
    -- The organisation's domain: authorities count what they issue by it.
    organisation text not null,
    state text not null default 'ordered' check (state in ('waiting', 'ordered', 'issued', 'failing')),
    -- Who has it in hand; the results of an order that was taken over are nobody's.
    order_id uuid,
    -- Until then the authority's question is answered.
    challenge_until timestamptz,
    -- Failures in a row, and what the last one was.
    attempts integer not null default 0,
    failure_kind text,
    failure text,
    failed_at timestamptz,
    -- The directory of the authority that issued it, the chain (PEM), and the key, sealed for its row.
    authority text,
    certificate text,
    key_sealed text,
    issued_at timestamptz,
    expires_at timestamptz,
    renew_at timestamptz,
    -- From then on every gateway has it; a renewal changes nothing about that.
    usable_from timestamptz,
    -- When it is due to be ordered; whoever has it in hand moves this on first. Null: not by itself.
    next_at timestamptz,
    -- When the certificate last changed.
    changed_at timestamptz,
    created_at timestamptz not null,
    primary key (tenant_id, host),
    check ((certificate is null) = (key_sealed is null) and (certificate is null) = (expires_at is null)),
    foreign key (tenant_id, domain_id) references domains (tenant_id, id) on delete cascade
);
create index tracking_certificates_due on tracking_certificates (next_at) where next_at is not null;
create index tracking_certificates_host on tracking_certificates (host);
create index tracking_certificates_domain on tracking_certificates (tenant_id, domain_id);
create index tracking_certificates_changed on tracking_certificates (changed_at) where certificate is not null;
create index tracking_certificates_expired on tracking_certificates (expires_at) where state = 'waiting';

-- What was ordered lately: the authorities' limits outlive a host that is removed and added again. Kept for eight days.
create table certificate_orders (
    tenant_id uuid not null,
    id uuid not null,
    host text not null,
    organisation text not null,
    is_renewal boolean not null,
    ordered_at timestamptz not null,
    -- Null: not known yet, or never.
    outcome text check (outcome in ('issued', 'failed')),
    primary key (tenant_id, id)
);
create index certificate_orders_host on certificate_orders (host, ordered_at);
create index certificate_orders_organisation on certificate_orders (organisation, ordered_at);
create index certificate_orders_time on certificate_orders (ordered_at);

-- The platform's account at an authority, by its directory.
create table certificate_accounts (
    directory text primary key,
    -- Sealed for its row.
    key_sealed text not null,
    -- Of the public half (RFC 7638): the answer to the authority's questions.
    thumbprint text not null,
    created_at timestamptz not null
);

do $$
declare
    name text;
begin
    foreach name in array array['tracking_certificates', 'certificate_orders', 'certificate_accounts'] loop
        execute format('alter table %I enable row level security', name);
        execute format('alter table %I force row level security', name);
        execute format('create policy worker on %I to delivery_worker using (true) with check (true)', name);
        execute format('create policy owner on %I to delivery_owner using (true) with check (true)', name);
        execute format('grant select, insert, update, delete on %I to delivery_worker', name);
    end loop;
end $$;
create policy tenant on tracking_certificates to delivery_api
    using (tenant_id = nullif(current_setting('nile.tenant_id', true), '')::uuid)
    with check (tenant_id = nullif(current_setting('nile.tenant_id', true), '')::uuid);
-- Requests show how it stands, and nothing more.
grant select (tenant_id, host, domain_id, state, attempts, failure_kind, failure, failed_at, authority, issued_at, expires_at, renew_at, usable_from,
    next_at)
    on tracking_certificates to delivery_api;

-- Hosts that were proven before.
insert into tracking_certificates (tenant_id, host, domain_id, organisation, state, next_at, created_at)
select d.tenant_id, d.tracking_host, d.id, coalesce(d.report ->> 'organisation', d.name), 'ordered', now(), now()
from domains d join domain_owners o on o.name = d.name and o.tenant_id = d.tenant_id where d.tracking_host is not null;

insert into cron_kinds (kind, queue, period_seconds, next_at) values ('certificates.tidy', 'queue:maintenance', 86400, '2026-01-01T04:10:00Z');
