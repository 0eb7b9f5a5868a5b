-- Mail that goes straight to its recipients' servers, what those publish about TLS, and who hosts which domain.

-- `direct`: no server of the mailbox' own takes the mail, the operator's addresses do.
alter table mailboxes add column transport text not null default 'smtp' check (transport in ('smtp', 'direct'));

-- Whose servers take a domain's mail, as its MX said last; NULL is nobody whom we group domains by. What many companies write to is told apart
-- by nothing but the domain, so the name alone is the key; requests cannot see it.
create table destination_providers (
    domain text primary key,
    provider text,
    looked_up_at timestamptz not null,
    -- Asked again by whoever writes there after that.
    expires_at timestamptz not null
);
create index destination_providers_expiry on destination_providers (expires_at);

-- Policies of MTA-STS (RFC 8461) as they were fetched. A row without a mode says that there was none.
create table mta_sts_policies (
    domain text primary key,
    -- Of the TXT record that announced it.
    policy_id text,
    mode text check (mode in ('enforce', 'testing', 'none')),
    mx text[] not null default '{}',
    -- As it stands in the file, for reports.
    lines text[] not null default '{}',
    fetched_at timestamptz,
    -- Of the policy: it holds until then, whatever fails meanwhile.
    expires_at timestamptz,
    -- When DNS was last asked whether there is another.
    checked_at timestamptz not null,
    -- Why the last fetch failed, and when.
    failure text,
    failed_at timestamptz,
    check ((mode is null) = (fetched_at is null) and (mode is null) = (expires_at is null))
);
create index mta_sts_policies_checked on mta_sts_policies (checked_at);

-- Sessions with other servers, by the UTC day, as RFC 8460 wants them told.
create table tls_report_counts (
    day date not null,
    policy_domain text not null,
    policy_type text not null check (policy_type in ('tlsa', 'sts', 'no-policy-found')),
    -- Empty: the session was as the policy wants it.
    result_type text not null,
    -- Empty where no server was reached, such as when a policy could not be fetched.
    mx_host text not null,
    receiving_ip text not null,
    sending_ip text not null,
    reason text not null,
    sessions bigint not null,
    primary key (day, policy_domain, policy_type, result_type, mx_host, receiving_ip, sending_ip, reason)
);

-- What the policy said, for the report.
create table tls_report_policies (
    day date not null,
    policy_domain text not null,
    policy_type text not null check (policy_type in ('tlsa', 'sts', 'no-policy-found')),
    policy text[] not null,
    mx_hosts text[] not null,
    primary key (day, policy_domain, policy_type)
);

do $$
declare
    name text;
begin
    foreach name in array array['destination_providers', 'mta_sts_policies', 'tls_report_counts', 'tls_report_policies'] loop
        execute format('alter table %I enable row level security', name);
        execute format('alter table %I force row level security', name);
        execute format('create policy worker on %I to delivery_worker using (true) with check (true)', name);
        execute format('create policy owner on %I to delivery_owner using (true) with check (true)', name);
        execute format('grant select, insert, update, delete on %I to delivery_worker', name);
    end loop;
end $$;

insert into cron_kinds (kind, queue, period_seconds, next_at) values
    ('direct.retention', 'queue:maintenance', 86400, '2026-01-01T03:40:00Z');
