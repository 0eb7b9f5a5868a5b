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
