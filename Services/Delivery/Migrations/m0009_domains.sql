-- Domains that mail is sent from, with what the last check of their DNS found.
create table domains (
    tenant_id uuid not null,
    id uuid not null,
    workspace_id uuid not null,
    -- Lower case, without a dot at its end.
    name text not null,
    -- What its owner publishes to prove that it is theirs.
    token text not null,
    dkim_selectors text[] not null default '{}',
    state text not null default 'pending' check (state in ('pending', 'verified', 'failing', 'broken')),
    attempts integer not null default 0,
    report jsonb not null default '{}',
    -- The host for tracked links, while its record is as it should be.
    tracking_host text,
    -- Raised with every change of state and every write of a check.
    version bigint not null default 1,
    created_at timestamptz not null,
    checked_at timestamptz,
    -- When somebody last asked for a check at once.
    asked_at timestamptz,
    verified_at timestamptz,
    -- When it is looked at again; whoever looks moves it on first.
    next_check_at timestamptz not null,
    primary key (tenant_id, id),
    unique (tenant_id, name)
);
create index domains_due on domains (next_check_at);
create index domains_workspace on domains (tenant_id, workspace_id, id);
create index domains_tracking_host on domains (tracking_host) where tracking_host is not null;

-- Which company a domain belongs to: whoever proved it first, as long as the proof stands. One owner a name, over all companies, so the name
-- alone is the key; requests cannot see it.
create table domain_owners (
    name text primary key,
    tenant_id uuid not null,
    domain_id uuid not null,
    proven_at timestamptz not null,
    foreign key (tenant_id, domain_id) references domains (tenant_id, id) on delete cascade
);
create index domain_owners_domain on domain_owners (tenant_id, domain_id);

-- Companies that ever had a domain: the nightly count for the plan's limit speaks of them also when none is left.
create table domain_companies (
    tenant_id uuid primary key
);

do $$
declare
    name text;
begin
    foreach name in array array['domains', 'domain_companies'] loop
        execute format('alter table %I enable row level security', name);
        execute format('alter table %I force row level security', name);
        execute format($policy$create policy tenant on %I to delivery_api
            using (tenant_id = nullif(current_setting('nile.tenant_id', true), '')::uuid)
            with check (tenant_id = nullif(current_setting('nile.tenant_id', true), '')::uuid)$policy$, name);
        execute format('create policy worker on %I to delivery_worker using (true) with check (true)', name);
        execute format('create policy owner on %I to delivery_owner using (true) with check (true)', name);
        execute format('grant select, insert, update, delete on %I to delivery_worker', name);
    end loop;
end $$;
grant select, insert, update, delete on domains to delivery_api;
grant select, insert on domain_companies to delivery_api;
alter table domain_owners enable row level security;
alter table domain_owners force row level security;
create policy worker on domain_owners to delivery_worker using (true) with check (true);
create policy owner on domain_owners to delivery_owner using (true) with check (true);
grant select, insert, update, delete on domain_owners to delivery_worker;

-- The mailboxes of a domain.
create index mailboxes_domain on mailboxes (split_part(address, '@', 2), tenant_id);
