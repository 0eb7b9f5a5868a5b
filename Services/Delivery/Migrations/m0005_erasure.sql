-- People who were forgotten: that they must not be written to is kept as a digest of the address, the address is not.

-- The secret of a company's digests, sealed with the keyring: root keys may change, the digests do not. Without it nobody can tell an address
-- by trying; it goes with the company.
create table suppression_secrets (
    tenant_id uuid primary key,
    secret_sealed text not null,
    created_at timestamptz not null
);
alter table suppression_secrets enable row level security;
alter table suppression_secrets force row level security;
create policy worker on suppression_secrets to delivery_worker using (true) with check (true);
create policy owner on suppression_secrets to delivery_owner using (true) with check (true);
grant select, insert, update, delete on suppression_secrets to delivery_worker;

alter table suppressions
    alter column address drop not null,
    -- HMAC-SHA256 of the address under the company's secret, instead of the address.
    add column address_digest bytea,
    add constraint suppressions_subject check ((address is null) <> (address_digest is null));
create unique index suppressions_digest on suppressions (tenant_id, address_digest, coalesce(workspace_id, '00000000-0000-0000-0000-000000000000'))
    where address_digest is not null;

-- Everything that was ever sent to one address. The ledger takes no mail while it is built: a partitioned table cannot have an index built
-- beside its writers (concurrently), and a migration is one transaction.
create index sends_recipient on sends (tenant_id, recipient);
