-- Where each company wants its newest checkpoint sent, once a day: who keeps them elsewhere ends the power to rewrite what they cover.
create table checkpoint_deliveries (
    tenant_id uuid primary key,
    -- New with each setting, so that what came of an earlier one is not kept with a later.
    id uuid not null,
    -- 'none' is what is left of one that was deleted.
    kind text not null check (kind in ('webhook', 'mail', 'log', 'none')),
    target text not null,
    -- What signs the posts to a webhook.
    secret_sealed text,
    set_by text not null,
    set_at timestamptz not null,
    -- When it is looked at next; whoever looks moves it on first, by a lease.
    next_at timestamptz not null,
    failures integer not null default 0,
    failing_since timestamptz,
    failure text,
    -- Whether the company's trail says that this streak of failures is.
    is_failure_told boolean not null default false,
    delivered_at timestamptz,
    delivered_size bigint,
    tested_at timestamptz,
    check ((kind = 'webhook') = (secret_sealed is not null)),
    check ((kind = 'log') = (tenant_id = '00000000-0000-0000-0000-000000000000'))
);
create index checkpoint_deliveries_due on checkpoint_deliveries (next_at);
-- The platform's own tree belongs to no company: its checkpoints go into the log.
insert into checkpoint_deliveries (tenant_id, id, kind, target, set_by, set_at, next_at)
values ('00000000-0000-0000-0000-000000000000', '00000000-0000-0000-0000-000000000000', 'log', '', 'system:audit', 'epoch', 'epoch');

alter table checkpoint_deliveries enable row level security;
alter table checkpoint_deliveries force row level security;
create policy tenant on checkpoint_deliveries for select to audit_api
    using (tenant_id = nullif(current_setting('nile.tenant_id', true), '')::uuid);
create policy worker on checkpoint_deliveries to audit_worker using (true) with check (true);
create policy owner on checkpoint_deliveries to audit_owner using (true) with check (true);
-- Whoever answers requests never reads the secret.
grant select (tenant_id, id, kind, target, set_by, set_at, next_at, failing_since, failure, delivered_at, delivered_size)
    on checkpoint_deliveries to audit_api;
grant select, insert, update, delete on checkpoint_deliveries to audit_worker;
