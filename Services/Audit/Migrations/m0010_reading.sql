-- Companies see which of their events wait in quarantine, and why; never what is in them.
--
-- Every service has this table and none of them knows a tenant in it, since what is no event may belong to nobody. Here the body is asked, as far as
-- it can be read; what cannot be read stays the operator's.
alter table quarantined_events
    add column tenant_id uuid,
    add column bytes integer not null generated always as (octet_length(body)) stored;

create function name_quarantined_tenant() returns trigger language plpgsql as $function$
declare
    body text;
begin
    body := convert_from(new.body, 'UTF8');
    -- NUL and halves of characters are what keeps some events out, and no JSON of Postgres takes them. An escaped backslash is left as it is.
    body := regexp_replace(body, '(\\\\)|\\u(?:0000|[dD][89a-fA-F][0-9a-fA-F]{2})', '\1', 'g');
    new.tenant_id := (body::jsonb -> 'header' ->> 'tenant')::uuid;
    return new;
exception when others then
    new.tenant_id := null;
    return new;
end
$function$;
create trigger quarantine_names_tenant before insert or update of body on quarantined_events
for each row execute function name_quarantined_tenant();
-- Those that wait already.
update quarantined_events set body = body;
create index quarantined_events_tenant on quarantined_events (tenant_id, event_id);

alter table quarantined_events enable row level security;
alter table quarantined_events force row level security;
create policy tenant on quarantined_events for select to audit_api
    using (tenant_id = nullif(current_setting('nile.tenant_id', true), '')::uuid);
create policy worker on quarantined_events to audit_worker using (true) with check (true);
create policy owner on quarantined_events to audit_owner using (true) with check (true);
-- Not the body.
grant select (event_id, tenant_id, source, type, reason, bytes, quarantined_at) on quarantined_events to audit_api;

-- MARK: Searching

-- As before, and only in the partitions of these classes from this identifier on: each that is not looked into costs nothing, not even planning.
drop function find_trail_events(text[], text[], text[], bigint);

-- The company's events that have all of these words, words that begin so, and entries `key=value` of the metadata; no order, at most `at_most`.
create function find_trail_events(words text[], prefixes text[], entries text[], at_most bigint, kinds text[], lowest uuid) returns setof uuid
language plpgsql stable security definer rows 1000
set search_path = audit, pg_temp set enable_seqscan = off as $function$
declare
    tenant uuid := nullif(current_setting('nile.tenant_id', true), '')::uuid;
    mark text := right(tenant::text, 8);
    terms tsquery;
begin
    -- A quoted word of a tsquery doubles its quotes and backslashes.
    select string_agg('''' || replace(replace(t.term, '\', '\\'), '''', '''''') || '''' || t.suffix, ' & ')::tsquery into terms
    from (
        select mark || '=' || left(word, 200) as term, '' as suffix
        from unnest(tsvector_to_array(to_tsvector('simple', array_to_string(words, ' ')))) as word
        union all
        select mark || '=' || left(prefix, 200), ':*' from unnest(prefixes) as prefix
        union all
        select mark || '@' || left(entry, 200), '' from unnest(entries) as entry
    ) t;
    -- Without a company, or without a word that an index can have, nothing fits.
    if terms is null then return; end if;
    -- Nothing but the words may decide here, so that their index is the only way; OFFSET keeps the tenant out of it.
    return query execute
        'select f.id from (
            select d.id, d.tenant_id from trail_details d
            where trail_terms(d.tenant_id, d.search, d.metadata) @@ $1 and d.class = any ($4) and d.id >= $5 offset 0) f
         where f.tenant_id = $2 limit $3'
        using terms, tenant, at_most, kinds, lowest;
end
$function$;
revoke all on function find_trail_events(text[], text[], text[], bigint, text[], uuid) from public;
grant execute on function find_trail_events(text[], text[], text[], bigint, text[], uuid) to audit_api, audit_worker;
