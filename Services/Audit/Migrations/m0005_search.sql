-- Finding events by words and by metadata, and the searches that people keep.
--
-- Full-text and jsonb operators are not leakproof: under a policy Postgres must not use their indexes. `find_trail_events` runs as the owner,
-- whose policy is `true`, and takes the tenant from the setting that the policies read. It gives the identifiers of what may fit; the events
-- themselves are read, and every term is looked at again, under the caller's own policy.
--
-- One GIN index for all companies: each word in it stands behind eight characters of its company, so that a word that every company has is found
-- for one of them only. Words are cut, since an index takes no longer ones.

create function trail_terms(tenant uuid, search tsvector, metadata jsonb) returns tsvector language sql immutable parallel safe
return array_to_tsvector(
    array(select right(tenant::text, 8) || '=' || left(word, 200) from unnest(tsvector_to_array(search)) as word)
    || array(
        select right(tenant::text, 8) || '@' || left(m.key || '=' || m.value, 200)
        from jsonb_each_text(case when jsonb_typeof(metadata) = 'object' then metadata else '{}'::jsonb end) as m (key, value)
        where m.value is not null and m.value <> ''));

create index trail_details_terms on trail_details using gin (trail_terms(tenant_id, search, metadata));

-- The company's events that have all of these words, words that begin so, and entries `key=value` of the metadata; no order, at most `at_most`.
create function find_trail_events(words text[], prefixes text[], entries text[], at_most bigint) returns setof uuid
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
            select d.id, d.tenant_id from trail_details d where trail_terms(d.tenant_id, d.search, d.metadata) @@ $1 offset 0) f
         where f.tenant_id = $2 limit $3'
        using terms, tenant, at_most;
end
$function$;
revoke all on function find_trail_events(text[], text[], text[], bigint) from public;
grant execute on function find_trail_events(text[], text[], text[], bigint) to audit_api, audit_worker;

-- An address as Postgres knows it; null for text that is none. Not for parallel workers: catching an error takes a transaction of its own.
create function trail_address(address text) returns inet language plpgsql immutable parallel unsafe as $function$
begin
    return address::inet;
exception when others then
    return null;
end
$function$;

-- Searches that a company's people keep under a name; all who read its trail see them.
create table trail_views (
    tenant_id uuid not null,
    id uuid not null,
    name text not null,
    q text not null,
    sort text not null check (sort in ('occurred', 'seq')),
    created_by uuid not null,
    created_at timestamptz not null,
    primary key (tenant_id, id)
);
create unique index trail_views_name on trail_views (tenant_id, lower(name));
alter table trail_views enable row level security;
alter table trail_views force row level security;
create policy tenant on trail_views to audit_api using (tenant_id = nullif(current_setting('nile.tenant_id', true), '')::uuid)
    with check (tenant_id = nullif(current_setting('nile.tenant_id', true), '')::uuid);
create policy worker on trail_views to audit_worker using (true) with check (true);
create policy owner on trail_views to audit_owner using (true) with check (true);
grant select, insert, delete on trail_views to audit_api;
grant select, insert, delete on trail_views to audit_worker;
