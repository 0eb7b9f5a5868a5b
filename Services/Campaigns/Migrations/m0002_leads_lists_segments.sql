-- What a company knows of a person besides name and address, and whether the person may be written to.
alter table leads
    add column time_zone text,
    add column tags text[] not null default '{}',
    -- Delivery decides whether a mail may go out; this is what it told, or a person by hand. Nothing sets it back to active.
    add column status text not null default 'active' check (status in ('active', 'unsubscribed', 'bounced', 'complained', 'suppressed')),
    add column status_changed_at timestamptz,
    -- Raised with each change by anybody: the ETag.
    add column revision bigint not null default 1;
alter table leads alter column custom set default '{}';
create index leads_created on leads (tenant_id, created_at, id);
create index leads_status on leads (tenant_id, status, id) where status <> 'active';
create index lead_workspaces_lead on lead_workspaces (tenant_id, lead_id);

-- The company's own fields: `custom` of a lead holds text and dates (YYYY-MM-DD) as JSON strings, numbers as numbers, booleans as booleans,
-- a choice as one of its words.
create table custom_fields (
    tenant_id uuid not null,
    id uuid not null,
    key text not null,
    name text not null,
    kind text not null check (kind in ('text', 'number', 'date', 'boolean', 'choice')),
    choices text[] not null default '{}',
    revision bigint not null default 1,
    created_at timestamptz not null,
    primary key (tenant_id, id),
    unique (tenant_id, key)
);

-- Lists that people fill by hand or by import.
create table lists (
    tenant_id uuid not null,
    id uuid not null,
    workspace_id uuid not null,
    name text not null,
    -- Changed in the commit that changes the members.
    leads bigint not null default 0 check (leads >= 0),
    revision bigint not null default 1,
    created_at timestamptz not null,
    primary key (tenant_id, id),
    unique (tenant_id, workspace_id, name)
);
create table list_members (
    tenant_id uuid not null,
    list_id uuid not null,
    lead_id uuid not null,
    added_at timestamptz not null,
    primary key (tenant_id, list_id, lead_id)
);
create index list_members_lead on list_members (tenant_id, lead_id);

-- A question about leads, kept under a name; its answer is found when it is asked.
create table segments (
    tenant_id uuid not null,
    id uuid not null,
    workspace_id uuid not null,
    name text not null,
    filter jsonb not null,
    revision bigint not null default 1,
    created_at timestamptz not null,
    updated_at timestamptz not null,
    primary key (tenant_id, id),
    unique (tenant_id, workspace_id, name)
);

-- What somebody did to a lead by hand: created, edited, tagged, put somewhere, opted out. Imports and mails are told by their own rows.
create table lead_activities (
    tenant_id uuid not null,
    lead_id uuid not null,
    id uuid not null,
    kind text not null,
    -- Who: a person or a key, as `user:<id>` or `api_key:<id>`.
    actor text not null,
    detail jsonb not null default '{}',
    at timestamptz not null,
    primary key (tenant_id, lead_id, id)
);

do $$
declare
    name text;
begin
    foreach name in array array['custom_fields', 'lists', 'list_members', 'segments', 'lead_activities'] loop
        execute format('alter table %I enable row level security', name);
        execute format('alter table %I force row level security', name);
        execute format($policy$create policy tenant on %I to campaigns_api
            using (tenant_id = nullif(current_setting('nile.tenant_id', true), '')::uuid)
            with check (tenant_id = nullif(current_setting('nile.tenant_id', true), '')::uuid)$policy$, name);
        execute format('create policy worker on %I to campaigns_worker using (true) with check (true)', name);
        execute format('create policy owner on %I to campaigns_owner using (true) with check (true)', name);
        execute format('grant select, insert, update, delete on %I to campaigns_api', name);
        execute format('grant select, insert, update, delete on %I to campaigns_worker', name);
    end loop;
end $$;
grant delete on leads, lead_workspaces, templates, template_versions, campaigns to campaigns_api;
