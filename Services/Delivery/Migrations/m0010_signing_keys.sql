-- Keys that sign a company's mail, by the domain of the sender's address: pending (made, to be published), active (published: mail is signed by
-- it), retiring (followed by another; its record stays for mail under way), retired (destroyed; its record can go).
create table signing_keys (
    tenant_id uuid not null,
    domain text not null,
    -- The label below _domainkey.
    selector text not null,
    algorithm text not null check (algorithm in ('rsa-sha256', 'ed25519-sha256')),
    -- As the record has it.
    public_key text not null,
    -- Sealed for its row; null: destroyed.
    private_key_sealed text,
    state text not null default 'pending' check (state in ('pending', 'active', 'retiring', 'retired')),
    created_at timestamptz not null,
    activated_at timestamptz,
    superseded_at timestamptz,
    -- Moved ahead of use: no mail is signed by it after this.
    signs_until timestamptz,
    retired_at timestamptz,
    -- When DNS was last asked for the record, when it last had it, and how often in a row it had not.
    checked_at timestamptz,
    seen_at timestamptz,
    misses integer not null default 0,
    -- DNS has it no more.
    removed_at timestamptz,
    -- When it is due to be looked at; null: never again.
    look_at timestamptz,
    primary key (tenant_id, domain, selector),
    check (state <> 'retired' or private_key_sealed is null)
);
-- A name in DNS has one record: companies that share a domain must not share a selector.
create unique index signing_keys_selector on signing_keys (domain, selector);
create unique index signing_keys_active on signing_keys (tenant_id, domain, algorithm) where state = 'active';
create index signing_keys_due on signing_keys (look_at) where look_at is not null;

alter table signing_keys enable row level security;
alter table signing_keys force row level security;
create policy tenant on signing_keys to delivery_api
    using (tenant_id = nullif(current_setting('nile.tenant_id', true), '')::uuid)
    with check (tenant_id = nullif(current_setting('nile.tenant_id', true), '')::uuid);
create policy worker on signing_keys to delivery_worker using (true) with check (true);
create policy owner on signing_keys to delivery_owner using (true) with check (true);
-- Requests put keys in and change their state; what a key is, only sending reads.
grant select (tenant_id, domain, selector, algorithm, public_key, state, created_at, activated_at, superseded_at, signs_until, retired_at, checked_at,
    seen_at, misses, removed_at, look_at) on signing_keys to delivery_api;
grant insert, update on signing_keys to delivery_api;
grant select, insert, update, delete on signing_keys to delivery_worker;

insert into cron_kinds (kind, queue, period_seconds, next_at) values ('signing.tend', 'queue:maintenance', 300, '2026-01-01T00:02:00Z');
