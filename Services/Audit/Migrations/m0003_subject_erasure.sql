-- The one change that the trail allows: the name by which a target is called goes, the event and its identifiers stay.
--
-- Runs as the owner, since no role of the service may update an event. It can do nothing but take names away from the targets that are exactly
-- this subject, in one company's tree, and gives the number of events that it changed: fewer than `at_most` means that none is left.
create function erase_target_names(of_tenant uuid, of_type text, of_id text, at_most integer) returns integer
language plpgsql security definer
set search_path = audit, pg_temp
as $function$
declare
    changed integer;
begin
    with named as materialized (
        select e.id from event_targets t join events e on e.tenant_id = t.tenant_id and e.id = t.event_id
        where t.tenant_id = of_tenant and t.target = of_type || ':' || of_id and exists (
            select from jsonb_array_elements(e.targets) as x (target)
            where x.target ->> 'type' = of_type and x.target ->> 'id' = of_id and jsonb_exists(x.target, 'name'))
        order by e.id limit at_most for update of e)
    update events e set targets = (
        select jsonb_agg(
            case when x.target ->> 'type' = of_type and x.target ->> 'id' = of_id then x.target - 'name' else x.target end order by x.position)
        from jsonb_array_elements(e.targets) with ordinality as x (target, position))
    from named n where e.tenant_id = of_tenant and e.id = n.id;
    get diagnostics changed = row_count;
    return changed;
end
$function$;

-- Whoever makes a function lets everybody call it, unless told otherwise.
revoke all on function erase_target_names(uuid, text, text, integer) from public;
grant execute on function erase_target_names(uuid, text, text, integer) to audit_worker;
