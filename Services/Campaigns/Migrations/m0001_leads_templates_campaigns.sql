-- People to write to; one row an address and tenant, attached to workspaces.
create table leads (
    tenant_id uuid not null,
    id uuid not null,
    email text not null,
    first_name text,
    last_name text,
    company text,
    custom jsonb not null default '{}',
    created_at timestamptz not null,
    updated_at timestamptz not null,
    primary key (tenant_id, id),
    unique (tenant_id, email)
);
create table lead_workspaces (
    tenant_id uuid not null,
    workspace_id uuid not null,
    lead_id uuid not null,
    primary key (tenant_id, workspace_id, lead_id)
);

create table imports (
    tenant_id uuid not null,
    id uuid not null,
    workspace_id uuid not null,
    file_name text not null,
    status text not null check (status in ('running', 'completed', 'failed')),
    rows bigint not null default 0,
    created bigint not null default 0,
    updated bigint not null default 0,
    duplicates bigint not null default 0,
    rejected bigint not null default 0,
    failure text,
    started_at timestamptz not null,
    finished_at timestamptz,
    primary key (tenant_id, id)
);
create table import_errors (
    tenant_id uuid not null,
    import_id uuid not null,
    line bigint not null,
    reason text not null,
    field text,
    value text,
    primary key (tenant_id, import_id, line)
);

create table templates (
    tenant_id uuid not null,
    id uuid not null,
    workspace_id uuid not null,
    name text not null,
    version integer not null,
    created_at timestamptz not null,
    primary key (tenant_id, id)
);
-- A version never changes: what was launched stays what was launched.
create table template_versions (
    tenant_id uuid not null,
    template_id uuid not null,
    version integer not null,
    subject text not null,
    text_body text not null,
    html_body text,
    primary key (tenant_id, template_id, version)
);

create table campaigns (
    tenant_id uuid not null,
    id uuid not null,
    workspace_id uuid not null,
    name text not null,
    template_id uuid not null,
    template_version integer not null,
    mailbox_id uuid not null,
    status text not null check (status in ('draft', 'active', 'paused', 'completed')),
    version bigint not null default 1,
    status_reason text,
    -- Fixed at launch: what every mail of the campaign carries.
    postal_address text,
    -- How far enrolling has come, and whether it is done.
    enrol_cursor uuid not null default '00000000-0000-0000-0000-000000000000',
    is_enrolled boolean not null default false,
    -- Why nothing is handed over at the moment, and when that is looked at again.
    waiting_reason text,
    retry_at timestamptz,
    first_resolved_at timestamptz,
    last_resolved_at timestamptz,
    created_at timestamptz not null,
    launched_at timestamptz,
    completed_at timestamptz,
    primary key (tenant_id, id)
);
create index campaigns_active on campaigns (retry_at) where status = 'active';

-- Changed in the same commit as the enrolments they count.
create table campaign_counters (
    tenant_id uuid not null,
    campaign_id uuid not null,
    waiting bigint not null default 0 check (waiting >= 0),
    queued bigint not null default 0 check (queued >= 0),
    deferred bigint not null default 0 check (deferred >= 0),
    sent bigint not null default 0 check (sent >= 0),
    failed bigint not null default 0 check (failed >= 0),
    held bigint not null default 0 check (held >= 0),
    suppressed bigint not null default 0 check (suppressed >= 0),
    total bigint generated always as (waiting + queued + deferred + sent + failed + held + suppressed) stored,
    primary key (tenant_id, campaign_id)
);

create table enrolments (
    tenant_id uuid not null,
    id uuid not null,
    campaign_id uuid not null,
    lead_id uuid not null,
    status text not null default 'waiting' check (status in
        ('waiting', 'handing_over', 'queued', 'deferred', 'sent', 'failed', 'held', 'suppressed')),
    -- The version of Delivery's last word that was heard.
    send_version bigint not null default 0,
    hand_over_id uuid,
    due_at timestamptz not null,
    created_at timestamptz not null,
    primary key (tenant_id, id),
    unique (tenant_id, campaign_id, lead_id)
);
create index enrolments_due on enrolments (tenant_id, campaign_id, id) where status = 'waiting';
create index enrolments_hand_over on enrolments (tenant_id, hand_over_id) where hand_over_id is not null;

-- A batch on its way to Delivery, named before anything is asked, so that every step can be repeated.
create table hand_overs (
    tenant_id uuid not null,
    id uuid not null,
    campaign_id uuid not null,
    state text not null check (state in ('open', 'done', 'abandoned')),
    -- Whether the suppressed were taken out: from then on the batch does not change.
    is_checked boolean not null default false,
    locked_until timestamptz not null,
    created_at timestamptz not null,
    primary key (tenant_id, id)
);
create index hand_overs_open on hand_overs (locked_until) where state = 'open';

do $$
declare
    name text;
begin
    foreach name in array array['leads', 'lead_workspaces', 'imports', 'import_errors', 'templates', 'template_versions', 'campaigns',
                                'campaign_counters', 'enrolments', 'hand_overs'] loop
        execute format('alter table %I enable row level security', name);
        execute format('alter table %I force row level security', name);
        execute format($policy$create policy tenant on %I to campaigns_api
            using (tenant_id = nullif(current_setting('nile.tenant_id', true), '')::uuid)
            with check (tenant_id = nullif(current_setting('nile.tenant_id', true), '')::uuid)$policy$, name);
        execute format('create policy worker on %I to campaigns_worker using (true) with check (true)', name);
        execute format('create policy owner on %I to campaigns_owner using (true) with check (true)', name);
        execute format('grant select, insert, update on %I to campaigns_api', name);
        execute format('grant select, insert, update, delete on %I to campaigns_worker', name);
    end loop;
end $$;
