-- Stripe is the truth for products, prices, subscriptions, invoices and payment methods. What stands here is a light reference: identifiers,
-- the status as it was last read, entitlements and what was used. No card, no PDF, no invoice.

alter table plans
    add column stripe_product text unique,
    add column is_public boolean not null default true,
    add column revision bigint not null default 1;
grant update on plans to billing_worker;

-- What a plan costs; Stripe's price is found by ours, never the other way round for money that a browser names.
create table plan_prices (
    plan text not null references plans (code),
    interval text not null check (interval in ('month', 'year')),
    currency text not null check (currency ~ '^[A-Z]{3}$'),
    amount bigint not null check (amount >= 0),
    stripe_price text unique,
    primary key (plan, interval, currency)
);
insert into plan_prices (plan, interval, currency, amount)
select code, 'month', currency, monthly_price from plans where monthly_price is not null
union all select code, 'year', currency, yearly_price from plans where yearly_price is not null;

-- Mails that are bought once and are good until the period ends.
create table mail_packs (
    code text primary key,
    mails bigint not null check (mails > 0),
    currency text not null check (currency ~ '^[A-Z]{3}$'),
    amount bigint not null check (amount >= 0),
    stripe_price text unique,
    revision bigint not null default 1
);
insert into mail_packs (code, mails, currency, amount) values ('mails_10000', 10000, 'USD', 1000);
grant select on plan_prices, mail_packs to billing_api;
grant select, insert, update on plan_prices, mail_packs to billing_worker;

create table stripe_customers (
    tenant_id uuid primary key,
    customer text not null unique,
    created_at timestamptz not null
);

alter table subscriptions
    add column stripe_subscription text unique,
    add column stripe_item text,
    add column stripe_price text,
    add column interval text check (interval in ('month', 'year')),
    add column amount bigint,
    add column currency text,
    -- When it ends by somebody's wish, whether Stripe says so by a date or by "at period end".
    add column cancel_at timestamptz,
    add column past_due_since timestamptz,
    -- A change at the period's end, made as a schedule at Stripe.
    add column scheduled_plan text references plans (code),
    add column scheduled_interval text,
    add column scheduled_at timestamptz,
    add column stripe_schedule text,
    -- When it was last read from Stripe, and because of what: `event`, `reconcile`, `dunning`, `request`, `staff`.
    add column synced_at timestamptz,
    add column sync_source text,
    -- Raised with every reading that was written, whether it changed anything: what was read before that is not written after it.
    add column sync_version bigint not null default 0,
    -- What somebody should look at: `duplicate_subscription`, `missing_at_stripe`, `unknown_price`.
    add column flags text[] not null default '{}',
    -- Dunning's day 14: when Stripe was asked to cancel it.
    add column cancel_requested_at timestamptz,
    -- What others were last told of the access, and under which version; the clock alone can change what it is.
    add column announced_access text not null default 'full',
    add column access_version bigint not null default 1,
    -- When the clock alone may change it next, or something is to be asked of Stripe; at first everybody is looked at once.
    add column access_due_at timestamptz default '-infinity';
create index subscriptions_access_due on subscriptions (access_due_at) where access_due_at is not null;
-- Whoever has a plan that is changed, and whoever pays a price that was unknown.
create index subscriptions_plan on subscriptions (plan, tenant_id);
create index subscriptions_flagged on subscriptions (tenant_id) where flags <> '{}';

-- The parameters of a POST under its idempotency key, frozen before it is sent: a lost answer is asked for again with the same ones.
create table stripe_requests (
    tenant_id uuid not null,
    key text not null,
    method text not null check (method in ('POST', 'DELETE')),
    path text not null,
    parameters text not null,
    account text not null default '',
    created_at timestamptz not null,
    answered_at timestamptz,
    primary key (tenant_id, key)
);
create index stripe_requests_created on stripe_requests (created_at);

-- How often something that may be asked for again has been: part of its idempotency key, raised with each answer that settles it.
create table stripe_attempts (
    tenant_id uuid not null,
    purpose text not null,
    number bigint not null default 1,
    -- When this number was first used; NULL until it is.
    begun_at timestamptz,
    primary key (tenant_id, purpose)
);

create table checkouts (
    tenant_id uuid not null,
    id uuid not null,
    stripe_session text unique,
    purpose text not null check (purpose in ('subscription', 'mail_pack')),
    plan text references plans (code),
    interval text,
    currency text,
    pack text references mail_packs (code),
    -- Where it is shown: `hosted` on Stripe's page, `elements` on ours.
    ui text not null default 'hosted' check (ui in ('hosted', 'elements')),
    status text not null check (status in ('opening', 'open', 'completed', 'expired', 'failed')),
    url text,
    created_by text not null,
    created_at timestamptz not null,
    expires_at timestamptz not null,
    primary key (tenant_id, id)
);
-- One at a time: two open sessions would be two subscriptions.
create unique index checkouts_one_open on checkouts (tenant_id, purpose) where status in ('opening', 'open');

-- The plan's part of a period's allowance, the most that it was within the period: what was granted beside it ends, and this is left.
alter table mail_periods add column plan_mails bigint not null default 0 check (plan_mails >= 0);
update mail_periods set plan_mails = allowance;

-- Extra mails that were paid, once a payment, in the period in which they were; while none ran, they wait for the next (NULL).
create table pack_purchases (
    tenant_id uuid not null,
    payment text not null,
    pack text not null references mail_packs (code),
    mails bigint not null,
    period_start timestamptz,
    amount bigint not null,
    currency text not null,
    -- How many of the mails went back with the money.
    mails_refunded bigint not null default 0 check (mails_refunded between 0 and mails),
    refunded_at timestamptz,
    created_at timestamptz not null,
    primary key (tenant_id, payment)
);

-- What Stripe told: only that something happened to an object, which is then read again. `account` is '' for the platform's own.
create table stripe_events (
    account text not null default '',
    id text not null,
    type text not null,
    api_version text,
    object_type text,
    object_id text,
    customer text,
    created_at timestamptz not null,
    received_at timestamptz not null,
    -- `webhook` or `sweep`.
    source text not null,
    -- What was odd about it: `api_version`, `livemode`.
    note text,
    state text not null default 'pending' check (state in ('pending', 'done', 'parked', 'ignored', 'failed')),
    attempts integer not null default 0,
    next_at timestamptz not null,
    error text,
    handled_at timestamptz,
    tenant_id uuid,
    primary key (account, id)
);
create index stripe_events_due on stripe_events (next_at) where state in ('pending', 'parked');
create index stripe_events_parked on stripe_events (customer) where state = 'parked';
create index stripe_events_received on stripe_events (received_at);
create index stripe_events_state on stripe_events (state, received_at);
create index stripe_events_tenant on stripe_events (tenant_id, received_at) where tenant_id is not null;
grant select, insert, update, delete on stripe_events to billing_worker;
-- The intake answers before anything else is done, and writes nothing but this.
grant insert on stripe_events to billing_api;

-- What staff grant a tenant beyond or below its plan, with a reason.
create table access_grants (
    tenant_id uuid not null,
    id uuid not null,
    -- Full access whatever the status, until it ends; NULL changes limits only.
    access text check (access in ('full', 'read_only')),
    -- Limits by name that replace the plan's: {"mails": 20000, "users": null}.
    limits jsonb not null default '{}',
    reason text not null,
    granted_by text not null,
    starts_at timestamptz not null,
    ends_at timestamptz,
    revoked_at timestamptz,
    primary key (tenant_id, id)
);

-- How much of each limited resource a tenant has; changed with the reservations in one commit, recounted nightly by the owners.
create table resource_counts (
    tenant_id uuid not null,
    resource text not null check (resource in ('users', 'workspaces', 'domains', 'mailboxes', 'leads')),
    used bigint not null default 0 check (used >= 0),
    reserved bigint not null default 0 check (reserved >= 0),
    -- When somebody last took, confirmed or gave back, and when the owner last counted: a count during a change is not taken.
    changed_at timestamptz,
    counted_at timestamptz,
    primary key (tenant_id, resource)
);
create table resource_reservations (
    tenant_id uuid not null,
    resource text not null,
    -- The thing that is made.
    key text not null,
    count bigint not null check (count > 0),
    state text not null check (state in ('reserved', 'confirmed')),
    created_at timestamptz not null,
    expires_at timestamptz not null,
    primary key (tenant_id, resource, key)
);
create index resource_reservations_expiring on resource_reservations (expires_at) where state = 'reserved';

-- When Delivery is asked what became of the mails of a reservation that is not settled: first when all of them are long due, then daily.
alter table mail_reservations add column next_look_at timestamptz;
update mail_reservations set next_look_at = created_at + interval '25 hours';
alter table mail_reservations alter column next_look_at set not null;
create index mail_reservations_open on mail_reservations (next_look_at) where closed_at is null;

-- Accounts of companies that charge their own clients.
create table connect_accounts (
    tenant_id uuid primary key,
    account text not null unique,
    country text,
    details_submitted boolean not null default false,
    charges_enabled boolean not null default false,
    payouts_enabled boolean not null default false,
    requirements jsonb not null default '[]',
    disabled_reason text,
    deauthorized_at timestamptz,
    created_at timestamptz not null,
    synced_at timestamptz
);

-- What the loops have done last, for webhook health and so that one process a day does it.
create table billing_loops (
    name text primary key,
    last_run_at timestamptz,
    -- Who runs it now has it until then; one that died is followed by another.
    claimed_until timestamptz,
    outcome jsonb not null default '{}'
);
insert into billing_loops (name) values ('reconcile'), ('sweep'), ('connect');
grant select, insert, update on billing_loops to billing_worker;

do $$
declare
    name text;
begin
    foreach name in array array['stripe_customers', 'stripe_requests', 'stripe_attempts', 'checkouts', 'pack_purchases', 'access_grants',
                                'resource_counts', 'resource_reservations', 'connect_accounts'] loop
        execute format('alter table %I enable row level security', name);
        execute format('alter table %I force row level security', name);
        execute format($policy$create policy tenant on %I to billing_api
            using (tenant_id = nullif(current_setting('nile.tenant_id', true), '')::uuid)
            with check (tenant_id = nullif(current_setting('nile.tenant_id', true), '')::uuid)$policy$, name);
        execute format('create policy worker on %I to billing_worker using (true) with check (true)', name);
        execute format('create policy owner on %I to billing_owner using (true) with check (true)', name);
        execute format('grant select on %I to billing_api', name);
        execute format('grant select, insert, update, delete on %I to billing_worker', name);
    end loop;
end $$;
-- The intake knows no tenant: what Stripe told is nobody's until it is linked.
alter table stripe_events enable row level security;
alter table stripe_events force row level security;
create policy intake on stripe_events for insert to billing_api
    with check (tenant_id is null and state = 'pending' and nullif(current_setting('nile.tenant_id', true), '') is null);
create policy worker on stripe_events to billing_worker using (true) with check (true);
create policy owner on stripe_events to billing_owner using (true) with check (true);
