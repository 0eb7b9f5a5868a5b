-- The trail with its proofs: one tree a company (RFC 6962), numbered without gaps under the lock of its head. The row of a leaf never changes;
-- what may be erased stands beside it, and enters the leaf as salted digests only.
--
-- Partitions: by class of retention, then by the month that the UUIDv7 carries. Nobody has a grant on a partition.

-- The part that is hashed. `seq` begins at 1: a checkpoint of size n covers 1…n, and the leaf's index in the tree is seq - 1.
create table trail_events (
    tenant_id uuid not null,
    id uuid not null,
    seq bigint not null,
    class text not null,
    occurred_at timestamptz not null,
    recorded_at timestamptz not null,
    workspace_id uuid,
    type text not null,
    source text not null,
    action text not null,
    outcome text not null,
    actor_kind text not null,
    actor_id text not null,
    -- [{"type", "id"}, …]; their names are in trail_details.
    targets jsonb not null,
    request text,
    trace text,
    support_session text,
    -- Field → hexadecimal SHA-256(salt ‖ canonical JSON of the value).
    sd jsonb not null,
    leaf bytea not null,
    primary key (tenant_id, id, class)
) partition by list (class);
create index trail_events_seq on trail_events (tenant_id, seq);
create index trail_events_actor on trail_events (tenant_id, actor_id, id);
create index trail_events_action on trail_events (tenant_id, action, id);
create index trail_events_outcome on trail_events (tenant_id, outcome, id);

-- What a person may have erased: a value and its salt go together.
create table trail_details (
    tenant_id uuid not null,
    id uuid not null,
    class text not null,
    actor_name text,
    -- As long as the event's targets; null where a target has no name.
    target_names jsonb not null,
    -- One address; text, since a policy lets no operator of inet use an index.
    address text,
    user_agent text,
    changes jsonb,
    metadata jsonb,
    -- Field → 16 bytes in hexadecimal: actor.name, target.<n>.name, ip, user_agent, changes, metadata.
    salts jsonb not null,
    -- What a search finds that nobody can erase: action, type, actor, targets.
    words text not null default '',
    search tsvector not null generated always as (
        to_tsvector('simple', words || ' ' || coalesce(actor_name, '') || ' ' || coalesce(address, '') || ' ' || coalesce(user_agent, ''))
        || to_tsvector('simple', target_names) || to_tsvector('simple', coalesce(changes, '[]'::jsonb))
        || to_tsvector('simple', coalesce(metadata, '{}'::jsonb))) stored,
    primary key (tenant_id, id, class)
) partition by list (class);

-- What an event was done to, as filters name it: `type:id` and `id`.
create table trail_targets (
    tenant_id uuid not null,
    target text not null,
    id uuid not null,
    class text not null,
    primary key (tenant_id, target, id, class)
) partition by list (class);

-- Where a tree ends: how many leaves, and the roots of its complete subtrees, the largest first, 32 bytes each.
create table trail_heads (
    tenant_id uuid primary key,
    size bigint not null default 0,
    frontier bytea not null default ''
);

-- Hashes of the tree in strips of at most 256 (C2SP tlog-tiles): `level` n holds nodes of the height 8 n. They outlive the rows.
create table trail_tiles (
    tenant_id uuid not null,
    level integer not null,
    tile bigint not null,
    hashes bytea not null check (length(hashes) % 32 = 0 and length(hashes) between 32 and 8192),
    primary key (tenant_id, level, tile)
);
alter table trail_tiles alter column hashes set storage external;

-- A strip grows; what stands in it stays.
create function refuse_changed_tile() returns trigger language plpgsql as $function$
begin
    if old.tenant_id <> new.tenant_id or old.level <> new.level or old.tile <> new.tile
        or substring(new.hashes for length(old.hashes)) <> old.hashes then
        raise exception 'a tile can only grow' using errcode = 'insufficient_privilege';
    end if;
    return new;
end
$function$;
create trigger tiles_grow before update on trail_tiles for each row execute function refuse_changed_tile();

-- What was signed: a C2SP signed note for each commit that added to the tree.
create table trail_checkpoints (
    tenant_id uuid not null,
    size bigint not null,
    root bytea not null,
    note text not null,
    at timestamptz not null,
    primary key (tenant_id, size)
);

-- How long a company's month is kept, settled with the month's first event, so that a redelivered event finds itself.
create table trail_classes (
    tenant_id uuid not null,
    month date not null check (extract(day from month) = 1),
    class text not null check (class in ('d90', 'y1', 'y7')),
    primary key (tenant_id, month)
);

-- MARK: Partitions

do $block$
declare
    root text;
    kind text;
begin
    foreach root in array array['trail_events', 'trail_details', 'trail_targets'] loop
        foreach kind in array array['d90', 'y1', 'y7'] loop
            execute format('create table %I partition of %I for values in (%L) partition by range (id)', root || '_' || kind, root, kind);
            execute format('create table %I partition of %I default', root || '_' || kind || '_default', root || '_' || kind);
        end loop;
        -- Few rows, whatever their month: those that a hold keeps longer than their class.
        execute format('create table %I partition of %I for values in (%L)', root || '_hold', root, 'hold');
    end loop;
end
$block$;

-- The lowest UUIDv7 of a month.
create function trail_month_start(month date) returns uuid language sql immutable parallel safe as $function$
    select (lpad(to_hex((extract(epoch from (date_trunc('month', month::timestamp) at time zone 'UTC')) * 1000)::bigint), 12, '0')
            || repeat('0', 20))::uuid
$function$;

-- Makes the partitions of `months` months from `first` on that are missing; what a default partition holds of them moves in. How many it made.
create function trail_make_partitions(first date, months integer) returns integer
language plpgsql security definer
set search_path = audit, pg_temp
set lock_timeout = '5s'
as $function$
declare
    made integer := 0;
    root text;
    kind text;
    parent text;
    child text;
    columns text;
    month date;
begin
    if months not between 1 and 24 then
        raise exception 'from 1 to 24 months can be made at a time' using errcode = 'invalid_parameter_value';
    end if;
    perform pg_advisory_xact_lock(hashtextextended('audit.trail_partitions', 0));
    foreach root in array array['trail_events', 'trail_details', 'trail_targets'] loop
        select string_agg(quote_ident(attname), ', ' order by attnum) into columns from pg_attribute
        where attrelid = root::regclass and attnum > 0 and not attisdropped and attgenerated = '';
        foreach kind in array array['d90', 'y1', 'y7'] loop
            for n in 0..months - 1 loop
                month := (date_trunc('month', first::timestamp) + make_interval(months => n))::date;
                parent := root || '_' || kind;
                child := parent || '_' || to_char(month, 'YYYY_MM');
                continue when to_regclass(child) is not null;
                execute format('create table %I (like %I including all)', child, parent);
                execute format(
                    'with moved as (delete from %I where id >= %L and id < %L returning %s) insert into %I (%s) select %s from moved',
                    parent || '_default', trail_month_start(month), trail_month_start((month + interval '1 month')::date), columns, child,
                    columns, columns);
                execute format(
                    'alter table %I attach partition %I for values from (%L) to (%L)', parent, child, trail_month_start(month),
                    trail_month_start((month + interval '1 month')::date));
                made := made + 1;
            end loop;
        end loop;
    end loop;
    return made;
end
$function$;
revoke all on function trail_make_partitions(date, integer) from public;
grant execute on function trail_make_partitions(date, integer) to audit_worker;

-- How many events stand where no month was made for them, counted up to 10,000: none, when all is well.
create function trail_unplaced() returns bigint
language sql security definer
set search_path = audit, pg_temp
as $function$
    select count(*) from (
        (select 1 from trail_events_d90_default limit 10000) union all (select 1 from trail_events_y1_default limit 10000)
        union all (select 1 from trail_events_y7_default limit 10000) limit 10000) as unplaced
$function$;
revoke all on function trail_unplaced() from public;
grant execute on function trail_unplaced() to audit_worker;

select trail_make_partitions((now() at time zone 'UTC')::date, 4);

-- MARK: Who may do what

do $block$
declare
    root text;
begin
    foreach root in array array[
        'trail_events', 'trail_details', 'trail_targets', 'trail_heads', 'trail_tiles', 'trail_checkpoints', 'trail_classes'
    ] loop
        execute format('alter table %I enable row level security', root);
        execute format('alter table %I force row level security', root);
        execute format(
            'create policy tenant on %I for select to audit_api using (tenant_id = nullif(current_setting(''nile.tenant_id'', true), '''')::uuid)',
            root);
        execute format('create policy worker on %I to audit_worker using (true) with check (true)', root);
        execute format('create policy owner on %I to audit_owner using (true) with check (true)', root);
        execute format('grant select on %I to audit_api', root);
        -- Append-only: neither changing, deleting nor truncating is granted to anybody who answers or consumes.
        execute format('grant select, insert on %I to audit_worker', root);
    end loop;
end
$block$;
-- A tree grows at its head and in its last tiles.
grant update on trail_heads, trail_tiles to audit_worker;

-- MARK: Erasure

-- The one change that the trail allows: what names a person goes, with its salt; the leaf stays and with it every proof.
--
-- Where the subject is a target its name goes; where it is the actor, name, address and user agent. Runs as the owner and can do nothing else.
-- Gives how many events it changed in the larger of both rounds: fewer than `at_most` means that none is left.
create function erase_subject(of_tenant uuid, of_type text, of_id text, at_most integer) returns integer
language plpgsql security definer
set search_path = audit, pg_temp
as $function$
declare
    as_target integer;
    as_actor integer;
begin
    with named as materialized (
        select d.id, d.class, e.targets
        from trail_targets t
        join trail_events e on e.tenant_id = t.tenant_id and e.id = t.id and e.class = t.class
        join trail_details d on d.tenant_id = t.tenant_id and d.id = t.id and d.class = t.class
        where t.tenant_id = of_tenant and t.target = of_type || ':' || of_id and exists (
            select from jsonb_array_elements(e.targets) with ordinality as x (target, position)
            where x.target ->> 'type' = of_type and x.target ->> 'id' = of_id and d.target_names ->> (x.position - 1)::integer is not null)
        order by d.id limit at_most for update of d)
    update trail_details d set
        target_names = (
            select jsonb_agg(
                case when n.targets -> (x.position - 1)::integer ->> 'type' = of_type and n.targets -> (x.position - 1)::integer ->> 'id' = of_id
                    then 'null'::jsonb else x.name end order by x.position)
            from jsonb_array_elements(d.target_names) with ordinality as x (name, position)),
        salts = d.salts - array(
            select 'target.' || x.position - 1 || '.name' from jsonb_array_elements(n.targets) with ordinality as x (target, position)
            where x.target ->> 'type' = of_type and x.target ->> 'id' = of_id)
    from named n where d.tenant_id = of_tenant and d.id = n.id and d.class = n.class;
    get diagnostics as_target = row_count;

    with acted as materialized (
        select d.id, d.class from trail_events e
        join trail_details d on d.tenant_id = e.tenant_id and d.id = e.id and d.class = e.class
        where e.tenant_id = of_tenant and e.actor_id = of_id and e.actor_kind = of_type
          and (d.actor_name is not null or d.address is not null or d.user_agent is not null)
        order by d.id limit at_most for update of d)
    update trail_details d set actor_name = null, address = null, user_agent = null, salts = d.salts - array['actor.name', 'ip', 'user_agent']
    from acted a where d.tenant_id = of_tenant and d.id = a.id and d.class = a.class;
    get diagnostics as_actor = row_count;
    return greatest(as_target, as_actor);
end
$function$;
revoke all on function erase_subject(uuid, text, text, integer) from public;
grant execute on function erase_subject(uuid, text, text, integer) to audit_worker;

-- MARK: What was written before

-- `events` and `event_targets` are read by a background step, numbered like any event and then forgotten here; nothing is written there now.
revoke insert on events, event_targets from audit_worker;

-- Removes events that stand in the new trail, and only those; how many.
create function forget_moved_events(ids uuid[]) returns integer
language plpgsql security definer
set search_path = audit, pg_temp
as $function$
declare
    removed integer;
begin
    delete from event_targets t where t.event_id = any (ids)
        and exists (select from trail_events n where n.tenant_id = t.tenant_id and n.id = t.event_id);
    delete from events e where e.id = any (ids) and exists (select from trail_events n where n.tenant_id = e.tenant_id and n.id = e.id);
    get diagnostics removed = row_count;
    return removed;
end
$function$;
revoke all on function forget_moved_events(uuid[]) from public;
grant execute on function forget_moved_events(uuid[]) to audit_worker;
