-- Finding leads by words and tags, and taking them out as files.
--
-- How a search is answered. Every lead carries the words of its address, names and company and its tags in one `search` column, under one GIN
-- index. Each word begins with eight characters of its tenant: the index is shared by all tenants, and without them a prefix such as "jo" would
-- walk through the words of every company to find those of one. Chosen over a table of (tenant, word, lead): that would be six more rows a lead
-- to write for an import and to keep true at each change, while a generated column cannot be forgotten.
--
-- Full-text operators are not leakproof, so under a policy Postgres must not use their index. `find_leads` therefore runs as the owner, whose
-- policy is `true`, and takes the tenant from the same setting that the policies read; it gives identifiers only, and the rows themselves are
-- read under the caller's own policy. It plans each call with its values (EXECUTE), so that a filter that is not given costs nothing.
--
-- What a word's rows are, the planner can only guess (2 % for a word it does not know), and a wrong guess is a walk through all leads for a rare
-- word or a sort of half of them for a common one. So `find_leads` looks first: up to 5,000 matches out of the GIN index are the answer, to be
-- put in order; where there are more, they stand so close that a walk along the order that is asked for meets enough of them soon.

-- The words of a text, each behind its tenant's mark: letters and digits, whatever stands between. It runs for each row of an import: six
-- microseconds a lead, and ten more for the index (measured on PostgreSQL 15); translate() with a list of what divides words took thirteen.
create function lead_terms(tenant uuid, content text) returns text[] language sql immutable parallel safe
return array_remove(
    string_to_array(
        right(tenant::text, 8) || '=' || replace(
            regexp_replace(lower(content), '[^[:alnum:]]+', ' ', 'g'), ' ', ' ' || right(tenant::text, 8) || '='),
        ' '),
    right(tenant::text, 8) || '=');

create function lead_tag_term(tenant uuid, tag text) returns text language sql immutable parallel safe
return right(tenant::text, 8) || '#' || left(tag, 200);

create function lead_tag_terms(tenant uuid, tags text[]) returns text[] language sql immutable parallel safe
return (select coalesce(array_agg(lead_tag_term(tenant, tag)), '{}') from unnest(tags) tag where tag <> '');

alter table leads add column search tsvector not null generated always as (array_to_tsvector(
    lead_terms(
        tenant_id,
        email || ' ' || coalesce(left(first_name, 200), '') || ' ' || coalesce(left(last_name, 200), '') || ' ' || coalesce(left(company, 200), ''))
    || case when tags = '{}' then '{}' else lead_tag_terms(tenant_id, tags) end)) stored;
-- What is new waits in a list, some 270 bytes a lead, until it goes into the index in one piece, which vacuum does or, when the list is full, whoever
-- writes. With 64 MiB instead of the usual 4 an import of 200,000 leads costs three microseconds a lead for the index instead of nine; a search
-- reads through the list first, and was no slower for it (measured on PostgreSQL 15).
create index leads_search on leads using gin (search) with (fastupdate = on, gin_pending_list_limit = 65536);

-- The leads of a workspace that fit, in order, after a place: newest first (identifiers are UUIDv7 of the creation) or by address.
create function find_leads(
    in_workspace uuid, words text, tag text, in_status text, in_list uuid, by_email boolean, after_id uuid, after_email text, at_most bigint
) returns setof uuid language plpgsql stable security definer rows 200
set search_path = campaigns, pg_temp set enable_seqscan = off set enable_bitmapscan = on as $$
declare
    tenant uuid := nullif(current_setting('nile.tenant_id', true), '')::uuid;
    -- A quoted word of a tsquery doubles its quotes and backslashes; those of `words` are gone by then.
    terms tsquery := nullif(concat_ws(
        ' & ',
        (select string_agg('''' || term || ''':*', ' & ') from unnest(lead_terms(tenant, words)) term),
        '''' || replace(replace(lead_tag_term(tenant, tag), '\', '\\'), '''', '''''') || ''''), '')::tsquery;
    found uuid[];
begin
    if terms is not null then
        -- Nothing but the words may decide here, so that their index is the only way; OFFSET keeps the tenant out of it.
        execute 'select array(
                select l.id from (select t.id, t.tenant_id from leads t where t.search @@ $1 offset 0) l where l.tenant_id = $2 limit 5001)'
            into found using terms, tenant;
        if cardinality(found) <= 5000 then
            terms := null;
        else
            found := null;
            perform set_config('enable_bitmapscan', 'off', true);
        end if;
    end if;
    return query execute
        'select l.id from lead_workspaces w join leads l on l.tenant_id = w.tenant_id and l.id = w.lead_id
         where w.tenant_id = $1 and l.tenant_id = $1 and w.workspace_id = $2
           and ($3 is null or l.search @@ $3)
           and ($4 is null or (w.lead_id = any($4) and l.id = any($4)))
           and ($5 is null or l.status = $5)
           and ($6 is null or exists (select from lists k where k.tenant_id = $1 and k.id = $6 and k.workspace_id = $2)
                and exists (select from list_members m where m.tenant_id = $1 and m.list_id = $6 and m.lead_id = w.lead_id))
           and ($7 is null or (w.lead_id < $7 and l.id < $7))
           and ($8 is null or l.email > $8)
         order by ' || case when by_email then 'l.email' else 'w.lead_id desc' end || ' limit $9'
        using tenant, in_workspace, terms, found, in_status, in_list, after_id, after_email, at_most;
end $$;
revoke all on function find_leads from public;
grant execute on function find_leads to campaigns_api, campaigns_worker;

-- A file of leads that is written in the background and kept for a week.
create table lead_exports (
    tenant_id uuid not null,
    id uuid not null,
    workspace_id uuid not null,
    format text not null check (format in ('csv', 'ndjson')),
    filter jsonb not null,
    -- The custom fields that a CSV has columns for, as they were when it began: all parts are one table.
    fields text[] not null,
    status text not null default 'queued' check (status in ('queued', 'running', 'completed', 'failed', 'cancelled')),
    rows bigint not null default 0,
    bytes bigint not null default 0,
    parts integer not null default 0,
    -- The last lead written: changed in the commit that stores its part, so that whoever goes on neither repeats nor leaves out one.
    cursor uuid,
    failure text,
    created_by text not null,
    created_at timestamptz not null,
    -- When it was worked on last; the one that waits longest goes on first.
    worked_at timestamptz not null,
    finished_at timestamptz,
    expires_at timestamptz not null,
    primary key (tenant_id, id)
);
create index lead_exports_work on lead_exports (worked_at) where status in ('queued', 'running');
create index lead_exports_expiry on lead_exports (expires_at);
create table lead_export_parts (
    tenant_id uuid not null,
    export_id uuid not null,
    part integer not null,
    workspace_id uuid not null,
    content bytea not null,
    primary key (tenant_id, export_id, part)
);

do $$
declare
    name text;
begin
    foreach name in array array['lead_exports', 'lead_export_parts'] loop
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
