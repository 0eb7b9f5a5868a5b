-- What was found missing when the trail was attacked on paper: a deletion that passes for an expiry, names that come back after an erasure,
-- events of a company whose tree somebody has damaged.

-- MARK: What was dropped at the end of its time

-- Which entries a month lost when it was dropped, signed with the key of the checkpoints; a row that is missing and stands in none of these notes
-- was deleted by somebody else.
create table trail_pruned (
    tenant_id uuid not null,
    id uuid not null,
    class text not null,
    -- Null for what a hold had kept.
    month date,
    count bigint not null check (count > 0),
    note text not null,
    at timestamptz not null,
    primary key (tenant_id, id)
);
alter table trail_pruned enable row level security;
alter table trail_pruned force row level security;
create policy tenant on trail_pruned for select to audit_api using (tenant_id = nullif(current_setting('nile.tenant_id', true), '')::uuid);
create policy worker on trail_pruned to audit_worker using (true) with check (true);
create policy owner on trail_pruned to audit_owner using (true) with check (true);
grant select on trail_pruned to audit_api;
grant select, insert on trail_pruned to audit_worker;

-- What goes with a month of a class, for each company: how many entries, and their numbers as `first-last,first-last`. Whoever asks signs that,
-- writes it into trail_pruned and drops the month, all in one transaction: from here on nobody writes, erases or places a hold there.
create function trail_retirement(of_class text, of_month date) returns table (tenant_id uuid, entries bigint, seqs text, at timestamptz)
language plpgsql security definer
set search_path = audit, pg_temp
set lock_timeout = '2s'
as $function$
#variable_conflict use_column
declare
    lapses timestamptz := trail_month_lapses(of_class, of_month);
    suffix text := '_' || of_class || '_' || to_char(of_month, 'YYYY_MM');
begin
    if lapses is null or extract(day from of_month) <> 1 then
        raise exception 'there is no such month of a class that lapses' using errcode = 'invalid_parameter_value';
    end if;
    if lapses > now() then
        raise exception 'this month is kept until %', lapses using errcode = 'object_not_in_prerequisite_state';
    end if;
    -- Erasure takes the first of these, too: a name must not be copied under a hold while it is taken away.
    perform pg_advisory_xact_lock(hashtextextended('audit.trail_backfill', 0));
    perform pg_advisory_xact_lock(hashtextextended('audit.trail_partitions', 0));
    if to_regclass('trail_events' || suffix) is null then
        return;
    end if;
    lock table trail_holds in share mode;
    execute format('lock table %I, %I, %I in share mode', 'trail_events' || suffix, 'trail_details' || suffix, 'trail_targets' || suffix);
    return query execute format(
        'select r.tenant_id, sum(r.n)::bigint, string_agg(r.first || ''-'' || r.last, '','' order by r.first), now()
         from (
            select i.tenant_id, min(i.seq) as first, max(i.seq) as last, count(*) as n
            from (
                select e.tenant_id, e.seq, e.seq - row_number() over (partition by e.tenant_id order by e.seq) as island
                from %I e where not trail_is_held(e.tenant_id, e.occurred_at)) i
            group by i.tenant_id, i.island) r
         group by r.tenant_id',
        'trail_events' || suffix);
end
$function$;
revoke all on function trail_retirement(text, date) from public;
grant execute on function trail_retirement(text, date) to audit_worker;

-- As before, and only when for every company that loses entries a note of this transaction stands in trail_pruned.
create or replace function trail_retire_month(of_class text, of_month date) returns bigint
language plpgsql security definer
set search_path = audit, pg_temp
set lock_timeout = '2s'
as $function$
declare
    lapses timestamptz;
    suffix text := '_' || of_class || '_' || to_char(of_month, 'YYYY_MM');
    root text;
    columns text;
    going bigint;
    held bigint;
    copied bigint;
begin
    if extract(day from of_month) <> 1 then
        raise exception 'a month begins on its first day' using errcode = 'invalid_parameter_value';
    end if;
    lapses := trail_month_lapses(of_class, of_month);
    if lapses is null then
        raise exception 'no class of this name ever lapses' using errcode = 'invalid_parameter_value';
    end if;
    if lapses > now() then
        raise exception 'this month is kept until %', lapses using errcode = 'object_not_in_prerequisite_state';
    end if;
    if to_regclass('trail_events' || suffix) is null then
        return 0;
    end if;
    -- Takes the locks, and tells what goes.
    if exists (
        select from trail_retirement(of_class, of_month) r
        where not exists (
            select from trail_pruned p
            where p.tenant_id = r.tenant_id and p.class = of_class and p.month = of_month and p.count = r.entries and p.at = r.at)
    ) then
        raise exception 'what goes must be signed for first' using errcode = 'object_not_in_prerequisite_state';
    end if;
    execute format('select count(*), count(*) filter (where trail_is_held(tenant_id, occurred_at)) from %I', 'trail_events' || suffix)
        into going, held;
    if held > 0 then
        foreach root in array array['trail_details', 'trail_targets', 'trail_events'] loop
            select string_agg(quote_ident(attname), ', ' order by attnum) into columns from pg_attribute
            where attrelid = root::regclass and attnum > 0 and not attisdropped and attgenerated = '' and attname <> 'class';
            execute format(
                'insert into %I (%s, class) select %s, ''hold'' from %I as entry
                 where exists (select from %I e where e.tenant_id = entry.tenant_id and e.id = entry.id and trail_is_held(e.tenant_id, e.occurred_at))
                 on conflict do nothing',
                root, columns, columns, root || suffix, 'trail_events' || suffix);
        end loop;
        execute format(
            'select count(*) from %I e join trail_events_hold h on h.tenant_id = e.tenant_id and h.id = e.id
             where trail_is_held(e.tenant_id, e.occurred_at)',
            'trail_events' || suffix) into copied;
        if copied <> held then
            raise exception 'an entry under a hold was not copied' using errcode = 'object_not_in_prerequisite_state';
        end if;
    end if;
    execute format('drop table %I, %I, %I', 'trail_events' || suffix, 'trail_details' || suffix, 'trail_targets' || suffix);
    return going - held;
end
$function$;

-- Months are made for the classes that are named: to drop one of a class must not make it again for the others, which were dropped before.
drop function trail_make_partitions(date, integer);

-- Makes the partitions of `months` months from `first` on that are missing; what a default partition holds of them moves in. How many it made.
create function trail_make_partitions(first date, months integer, kinds text[] default array['d90', 'y1', 'y7']) returns integer
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
    if not kinds <@ array['d90', 'y1', 'y7'] then
        raise exception 'there is no such class' using errcode = 'invalid_parameter_value';
    end if;
    perform pg_advisory_xact_lock(hashtextextended('audit.trail_partitions', 0));
    foreach root in array array['trail_events', 'trail_details', 'trail_targets'] loop
        select string_agg(quote_ident(attname), ', ' order by attnum) into columns from pg_attribute
        where attrelid = root::regclass and attnum > 0 and not attisdropped and attgenerated = '';
        foreach kind in array kinds loop
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
revoke all on function trail_make_partitions(date, integer, text[]) from public;
grant execute on function trail_make_partitions(date, integer, text[]) to audit_worker;

-- The same for what a hold had kept, a batch at a time: the first `at_most` of those that no hold keeps any more and whose month has lapsed.
drop function trail_prune_held(integer);

create function trail_held_lapsed(at_most integer) returns table (tenant_id uuid, id uuid, seq bigint)
language plpgsql security definer
set search_path = audit, pg_temp
set lock_timeout = '2s'
as $function$
#variable_conflict use_column
begin
    perform pg_advisory_xact_lock(hashtextextended('audit.trail_backfill', 0));
    perform pg_advisory_xact_lock(hashtextextended('audit.trail_partitions', 0));
    lock table trail_holds in share mode;
    return query
        select e.tenant_id, e.id, e.seq from trail_events_hold e
        join trail_classes c on c.tenant_id = e.tenant_id and c.month = date_trunc('month', e.occurred_at at time zone 'UTC')::date
        where not trail_is_held(e.tenant_id, e.occurred_at) and trail_month_lapses(c.class, c.month) <= now()
        order by e.tenant_id, e.seq limit at_most;
end
$function$;
revoke all on function trail_held_lapsed(integer) from public;
grant execute on function trail_held_lapsed(integer) to audit_worker;

create function trail_held_retirement(at_most integer) returns table (tenant_id uuid, entries bigint, seqs text, at timestamptz)
language sql security definer
set search_path = audit, pg_temp
as $function$
    select r.tenant_id, sum(r.n)::bigint, string_agg(r.first || '-' || r.last, ',' order by r.first), now()
    from (
        select i.tenant_id, min(i.seq) as first, max(i.seq) as last, count(*) as n
        from (
            select l.tenant_id, l.seq, l.seq - row_number() over (partition by l.tenant_id order by l.seq) as island
            from trail_held_lapsed(at_most) l) i
        group by i.tenant_id, i.island) r
    group by r.tenant_id
$function$;
revoke all on function trail_held_retirement(integer) from public;
grant execute on function trail_held_retirement(integer) to audit_worker;

-- Deletes them, when they are signed for; how many, fewer than `at_most` when none is left.
create function trail_prune_held(at_most integer) returns integer
language plpgsql security definer
set search_path = audit, pg_temp
set lock_timeout = '2s'
as $function$
declare
    pruned integer;
begin
    if exists (
        select from trail_held_retirement(at_most) r
        where not exists (
            select from trail_pruned p where p.tenant_id = r.tenant_id and p.class = 'hold' and p.count = r.entries and p.at = r.at)
    ) then
        raise exception 'what goes must be signed for first' using errcode = 'object_not_in_prerequisite_state';
    end if;
    with gone as materialized (select l.tenant_id, l.id from trail_held_lapsed(at_most) l),
    targets as (delete from trail_targets_hold t using gone g where t.tenant_id = g.tenant_id and t.id = g.id),
    details as (delete from trail_details_hold d using gone g where d.tenant_id = g.tenant_id and d.id = g.id)
    delete from trail_events_hold e using gone g where e.tenant_id = g.tenant_id and e.id = g.id;
    get diagnostics pruned = row_count;
    return pruned;
end
$function$;
revoke all on function trail_prune_held(integer) from public;
grant execute on function trail_prune_held(integer) to audit_worker;

-- MARK: Erasure that lasts

-- Whom to forget: what comes later, from a queue or from quarantine, is stripped before it is hashed.
create table trail_erased (
    tenant_id uuid not null,
    type text not null,
    id text not null,
    at timestamptz not null default now(),
    primary key (tenant_id, type, id)
);
alter table trail_erased enable row level security;
alter table trail_erased force row level security;
create policy worker on trail_erased to audit_worker using (true) with check (true);
create policy owner on trail_erased to audit_owner using (true) with check (true);
grant select, insert on trail_erased to audit_worker;

-- Where the subject is a target, its name goes with what was changed and told about it; where it acted, its name, address and user agent. A user
-- acts as one of the operator's people, too.
create or replace function erase_subject(of_tenant uuid, of_type text, of_id text, at_most integer) returns integer
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
        where t.tenant_id = of_tenant and t.target = of_type || ':' || of_id and (
            d.changes is not null or d.metadata is not null or exists (
                select from jsonb_array_elements(e.targets) with ordinality as x (target, position)
                where x.target ->> 'type' = of_type and x.target ->> 'id' = of_id and d.target_names ->> (x.position - 1)::integer is not null))
        order by d.id limit at_most for update of d)
    update trail_details d set
        target_names = (
            select jsonb_agg(
                case when n.targets -> (x.position - 1)::integer ->> 'type' = of_type and n.targets -> (x.position - 1)::integer ->> 'id' = of_id
                    then 'null'::jsonb else x.name end order by x.position)
            from jsonb_array_elements(d.target_names) with ordinality as x (name, position)),
        changes = null,
        metadata = null,
        salts = d.salts - array['changes', 'metadata'] - array(
            select 'target.' || x.position - 1 || '.name' from jsonb_array_elements(n.targets) with ordinality as x (target, position)
            where x.target ->> 'type' = of_type and x.target ->> 'id' = of_id)
    from named n where d.tenant_id = of_tenant and d.id = n.id and d.class = n.class;
    get diagnostics as_target = row_count;

    with acted as materialized (
        select d.id, d.class from trail_events e
        join trail_details d on d.tenant_id = e.tenant_id and d.id = e.id and d.class = e.class
        where e.tenant_id = of_tenant and e.actor_id = of_id
          and (e.actor_kind = of_type or (of_type = 'user' and e.actor_kind in ('support', 'staff')))
          and (d.actor_name is not null or d.address is not null or d.user_agent is not null)
        order by d.id limit at_most for update of d)
    update trail_details d set actor_name = null, address = null, user_agent = null, salts = d.salts - array['actor.name', 'ip', 'user_agent']
    from acted a where d.tenant_id = of_tenant and d.id = a.id and d.class = a.class;
    get diagnostics as_actor = row_count;
    return greatest(as_target, as_actor);
end
$function$;

-- What could not be taken in holds names as well.
grant update (body) on quarantined_events to audit_worker;

-- MARK: Checkpoints

-- Thins what is older than thirty days to the last of each day (UTC); every tree still begins with each that stays. How many are gone, fewer than
-- `at_most` when no more can go.
create function trail_thin_checkpoints(at_most integer) returns integer
language plpgsql security definer
set search_path = audit, pg_temp
as $function$
declare
    thinned integer;
begin
    delete from trail_checkpoints c using (
        select o.tenant_id, o.size from trail_checkpoints o
        where o.at < now() - interval '30 days' and exists (
            select from trail_checkpoints n where n.tenant_id = o.tenant_id and n.size > o.size
            and n.at < date_trunc('day', o.at at time zone 'UTC') at time zone 'UTC' + interval '1 day')
        order by o.at limit at_most) gone
    where c.tenant_id = gone.tenant_id and c.size = gone.size;
    get diagnostics thinned = row_count;
    return thinned;
end
$function$;
revoke all on function trail_thin_checkpoints(integer) from public;
grant execute on function trail_thin_checkpoints(integer) to audit_worker;
create index trail_checkpoints_age on trail_checkpoints (at);

-- MARK: Files that prove their place

-- `covered`: of the tree, the leaves that are in the file or whose subtrees are; `frontier`: what they make; `root`: what was signed when it began;
-- `holds`: the spans that a hold showed then.
alter table trail_exports add column covered bigint not null default 0, add column frontier bytea not null default '', add column root bytea,
    add column holds jsonb not null default '[]';
