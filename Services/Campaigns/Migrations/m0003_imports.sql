-- Imports that say how they read the file, can be stopped, and can be taken back.
alter table imports
    drop constraint imports_status_check,
    add constraint imports_status_check check (status in ('running', 'completed', 'failed', 'cancelled', 'rolling_back', 'rolled_back')),
    -- The sign of life: an import that is running and has been silent for ten minutes has died.
    add column updated_at timestamptz,
    add column encoding text,
    add column delimiter text,
    add column has_header boolean not null default true,
    add column header text[] not null default '{}',
    add column on_duplicate text not null default 'skip' check (on_duplicate in ('skip', 'update', 'create_only')),
    add column list_id uuid,
    add column tags text[] not null default '{}',
    add column reverted bigint not null default 0,
    add column kept bigint not null default 0,
    -- Imports from before this kept no snapshots.
    add column is_reversible boolean not null default false,
    -- Whether its rejected rows are still there: ninety days from its end.
    add column keeps_errors boolean not null default true,
    -- The last of the created leads that a rollback has looked at.
    add column rollback_cursor uuid not null default '00000000-0000-0000-0000-000000000000';
update imports set updated_at = coalesce(finished_at, started_at);
alter table imports alter column updated_at set not null;
create index imports_history on imports (tenant_id, workspace_id, started_at desc, id desc);
create index imports_running on imports (updated_at) where status = 'running';
create index imports_rolling_back on imports (updated_at) where status = 'rolling_back';
create index imports_errors on imports (finished_at) where keeps_errors and rejected > 0;

-- The record as CSV with commas, cut at 16 KiB, so that it can be given back to be corrected.
alter table import_errors add column raw text;

-- Which import a lead came with: all that a rollback must know of those it created.
alter table leads add column import_id uuid;
create index leads_import on leads (tenant_id, import_id, id) where import_id is not null;

-- What an import did to leads that were there before it (or that it created itself and met again).
create table import_changes (
    tenant_id uuid not null,
    import_id uuid not null,
    lead_id uuid not null,
    kind text not null check (kind in ('updated', 'attached')),
    -- The values before the first change; NULL where only workspace, list or tags were added.
    before jsonb,
    -- The lead's revision as the import left it; another one now means that somebody else changed it since.
    after_revision bigint not null,
    has_added_workspace boolean not null,
    has_added_list boolean not null,
    added_tags text[] not null,
    primary key (tenant_id, import_id, lead_id)
);
create index import_changes_lead on import_changes (tenant_id, lead_id);

-- How many leads a company has; changed in the commit that makes or removes leads, which also locks it: so the plan's limit holds for two at once.
create table lead_counts (
    tenant_id uuid primary key,
    leads bigint not null default 0 check (leads >= 0)
);
insert into lead_counts (tenant_id, leads) select tenant_id, count(*) from leads group by tenant_id;

do $$
declare
    name text;
begin
    foreach name in array array['import_changes', 'lead_counts'] loop
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
