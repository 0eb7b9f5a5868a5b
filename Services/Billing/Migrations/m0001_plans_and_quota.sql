-- What can be bought; the same for every tenant. NULL is unlimited. Money in minor units.
create table plans (
    code text primary key,
    name text not null,
    position integer not null,
    currency text not null,
    monthly_price bigint,
    yearly_price bigint,
    mails_per_period bigint not null,
    users bigint,
    workspaces bigint,
    domains bigint,
    mailboxes bigint,
    leads bigint,
    api_calls_per_minute bigint
);
grant select on plans to billing_api, billing_worker;

insert into plans values
    ('starter', 'Starter', 1, 'USD', 4900, 47040, 10000, 2, 3, 5, 10, 10000, 60),
    ('professional', 'Professional', 2, 'USD', 14900, 143040, 50000, 5, 10, 15, 50, 100000, 300),
    ('business', 'Business', 3, 'USD', 39900, 383040, 200000, 15, null, null, 200, 1000000, 1000),
    ('enterprise', 'Enterprise', 4, 'USD', null, null, 1000000, null, null, null, null, null, null);

create table subscriptions (
    tenant_id uuid primary key,
    plan text not null references plans (code),
    -- As Stripe names it; 'trialing' for the built-in trial.
    status text not null,
    period_start timestamptz not null,
    period_end timestamptz not null,
    trial_ends_at timestamptz,
    version bigint not null default 1,
    created_at timestamptz not null
);

-- How many mails a tenant may send in a period, and how many are spoken for.
create table mail_periods (
    tenant_id uuid not null,
    period_start timestamptz not null,
    period_end timestamptz not null,
    allowance bigint not null check (allowance >= 0),
    used bigint not null default 0 check (used >= 0),
    reserved bigint not null default 0 check (reserved >= 0),
    primary key (tenant_id, period_start)
);

-- Mails taken out of a period before they are sent; used + released never exceed count.
create table mail_reservations (
    tenant_id uuid not null,
    id uuid not null,
    key text not null,
    period_start timestamptz not null,
    count bigint not null check (count > 0),
    used bigint not null default 0,
    released bigint not null default 0,
    created_at timestamptz not null,
    primary key (tenant_id, id),
    unique (tenant_id, key),
    foreign key (tenant_id, period_start) references mail_periods (tenant_id, period_start),
    check (used >= 0 and released >= 0 and used + released <= count)
);

alter table subscriptions enable row level security;
alter table subscriptions force row level security;
alter table mail_periods enable row level security;
alter table mail_periods force row level security;
alter table mail_reservations enable row level security;
alter table mail_reservations force row level security;

create policy tenant on subscriptions to billing_api using (tenant_id = nullif(current_setting('nile.tenant_id', true), '')::uuid);
create policy tenant on mail_periods to billing_api using (tenant_id = nullif(current_setting('nile.tenant_id', true), '')::uuid);
create policy tenant on mail_reservations to billing_api using (tenant_id = nullif(current_setting('nile.tenant_id', true), '')::uuid);
create policy worker on subscriptions to billing_worker using (true) with check (true);
create policy worker on mail_periods to billing_worker using (true) with check (true);
create policy worker on mail_reservations to billing_worker using (true) with check (true);
create policy owner on subscriptions to billing_owner using (true) with check (true);
create policy owner on mail_periods to billing_owner using (true) with check (true);
create policy owner on mail_reservations to billing_owner using (true) with check (true);

grant select on subscriptions, mail_periods, mail_reservations to billing_api;
grant select, insert, update on subscriptions, mail_periods, mail_reservations to billing_worker;
