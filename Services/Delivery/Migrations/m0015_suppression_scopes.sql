-- Suppressions with an identity, an end, a scope down to one campaign, whole domains ('@example.com' as the address), and a list of the platform's.

alter table suppressions
    add column id uuid,
    -- Only mail of this campaign; its workspace stands beside it.
    add column campaign_id uuid,
    add column note text,
    -- Who put it there: `user:…`, `api_key:…`, `send:…` for the link in that mail.
    add column created_by text,
    -- Nil: for good. What has ended blocks nothing and is swept.
    add column expires_at timestamptz,
    -- Until then whoever made it by the link in a mail may take it back by the same link.
    add column undo_until timestamptz;
-- Identifiers in the order of making, for what is there and for what is written without one.
update suppressions set id = (lpad(to_hex((extract(epoch from created_at) * 1000)::bigint), 12, '0') || '7'
    || substr(md5(random()::text), 1, 3) || '8' || substr(md5(random()::text), 1, 15))::uuid;
alter table suppressions
    alter column id set default (lpad(to_hex((extract(epoch from clock_timestamp()) * 1000)::bigint), 12, '0') || '7'
        || substr(md5(random()::text), 1, 3) || '8' || substr(md5(random()::text), 1, 15))::uuid,
    alter column id set not null,
    add constraint suppressions_campaign check (campaign_id is null or workspace_id is not null),
    add primary key (tenant_id, id);
drop index suppressions_scope;
create unique index suppressions_scope on suppressions (tenant_id, address, coalesce(workspace_id, '00000000-0000-0000-0000-000000000000'),
    coalesce(campaign_id, '00000000-0000-0000-0000-000000000000'));
drop index suppressions_digest;
create unique index suppressions_digest on suppressions (tenant_id, address_digest, coalesce(workspace_id, '00000000-0000-0000-0000-000000000000'),
    coalesce(campaign_id, '00000000-0000-0000-0000-000000000000')) where address_digest is not null;
create index suppressions_reason on suppressions (tenant_id, reason, id);
create index suppressions_workspace on suppressions (tenant_id, workspace_id, id);
create index suppressions_expiry on suppressions (expires_at) where expires_at is not null;
grant insert, update, delete on suppressions to delivery_api;

-- Whom nobody writes to from here, whichever company it is: kept by the operator's staff. Companies learn that an address is blocked, no more.
create table platform_suppressions (
    id uuid primary key,
    -- In lower case; a whole domain begins with its @.
    address text not null unique,
    reason text not null,
    note text,
    created_by text not null,
    created_at timestamptz not null,
    expires_at timestamptz
);
create index platform_suppressions_expiry on platform_suppressions (expires_at) where expires_at is not null;
grant select, insert, update, delete on platform_suppressions to delivery_worker;

-- Mails that came back for a reason that may pass. How many of a person's last mails did so is counted when one does: mail that arrives writes nothing.
create table soft_bounces (
    tenant_id uuid not null,
    -- As the ledger has it.
    recipient text not null,
    send_id uuid not null,
    at timestamptz not null,
    primary key (tenant_id, recipient, send_id)
);
create index soft_bounces_at on soft_bounces (at);
alter table soft_bounces enable row level security;
alter table soft_bounces force row level security;
create policy tenant on soft_bounces to delivery_api
    using (tenant_id = nullif(current_setting('nile.tenant_id', true), '')::uuid)
    with check (tenant_id = nullif(current_setting('nile.tenant_id', true), '')::uuid);
create policy worker on soft_bounces to delivery_worker using (true) with check (true);
create policy owner on soft_bounces to delivery_owner using (true) with check (true);
grant select on soft_bounces to delivery_api;
grant select, insert, update, delete on soft_bounces to delivery_worker;

insert into cron_kinds (kind, queue, period_seconds, next_at) values ('suppression.sweep', 'queue:maintenance', 3600, '2026-01-01T00:45:00Z');
