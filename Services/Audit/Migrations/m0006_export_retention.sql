-- Which plan a company has, as Billing last said; intake freezes a month to its class, search shows what it keeps.
create table trail_plans (
    tenant_id uuid primary key,
    plan text,
    class text not null check (class in ('d90', 'y1', 'y7')),
    asked_at timestamptz not null
);
-- The platform's own tree has no plan.
insert into trail_plans (tenant_id, plan, class, asked_at) values ('00000000-0000-0000-0000-000000000000', 'platform', 'y7', 'infinity');
alter table trail_plans enable row level security;
alter table trail_plans force row level security;
create policy tenant on trail_plans for select to audit_api using (tenant_id = nullif(current_setting('nile.tenant_id', true), '')::uuid);
create policy worker on trail_plans to audit_worker using (true) with check (true);
create policy owner on trail_plans to audit_owner using (true) with check (true);
grant select on trail_plans to audit_api;
grant select, insert, update on trail_plans to audit_worker;

-- Entries that must stay whatever the plan says: all of a company's, or those of a time. A hold is never deleted, only released.
create table trail_holds (
    tenant_id uuid not null,
    id uuid not null,
    reason text not null check (char_length(reason) between 10 and 500),
    from_at timestamptz,
    to_at timestamptz check (to_at > from_at),
    placed_by text not null,
    placed_at timestamptz not null,
    released_by text,
    released_at timestamptz,
    primary key (tenant_id, id)
);
create index trail_holds_active on trail_holds (tenant_id) where released_at is null;
alter table trail_holds enable row level security;
alter table trail_holds force row level security;
create policy tenant on trail_holds for select to audit_api using (tenant_id = nullif(current_setting('nile.tenant_id', true), '')::uuid);
create policy worker on trail_holds to audit_worker using (true) with check (true);
create policy owner on trail_holds to audit_owner using (true) with check (true);
grant select on trail_holds to audit_api;
grant select, insert on trail_holds to audit_worker;
grant update (released_by) on trail_holds to audit_worker;

-- A hold is released once, and when that was, the database says.
create function release_hold() returns trigger language plpgsql as $function$
begin
    if old.released_at is not null or new.released_by is null then
        raise exception 'a hold is released once' using errcode = 'insufficient_privilege';
    end if;
    new.released_at := now();
    return new;
end
$function$;
create trigger holds_are_released before update on trail_holds for each row execute function release_hold();

-- Files that are written in the background. What was to be in one was settled when it began: the filter, what the plan showed, and the size of
-- the tree; so it is the same whatever is written meanwhile.
create table trail_exports (
    tenant_id uuid not null,
    id uuid not null,
    format text not null,
    filter jsonb not null,
    class text not null,
    status text not null default 'queued',
    -- Of the sequence numbers below `through`, those below `scanned` were looked at.
    through bigint not null,
    scanned bigint not null default 0,
    rows bigint not null default 0,
    first_seq bigint,
    last_seq bigint,
    bytes bigint not null default 0,
    parts integer not null default 0,
    manifest text,
    failure text,
    created_by text not null,
    created_at timestamptz not null,
    worked_at timestamptz not null,
    finished_at timestamptz,
    expires_at timestamptz not null,
    primary key (tenant_id, id)
);
create index trail_exports_open on trail_exports (worked_at) where status in ('queued', 'running');
create index trail_exports_expiring on trail_exports (expires_at) where status <> 'expired';
create index trail_exports_expired on trail_exports (expires_at) where status = 'expired';

create table trail_export_parts (
    tenant_id uuid not null,
    export_id uuid not null,
    part integer not null,
    content bytea not null,
    primary key (tenant_id, export_id, part)
);
alter table trail_export_parts alter column content set storage external;

-- The way to a file for whoever has the link, once, for ten minutes; only the link's digest is kept.
create table trail_export_links (
    tenant_id uuid not null,
    digest bytea not null,
    export_id uuid not null,
    expires_at timestamptz not null,
    primary key (tenant_id, digest)
);
create index trail_export_links_age on trail_export_links (expires_at);

alter table trail_exports enable row level security;
alter table trail_exports force row level security;
alter table trail_export_parts enable row level security;
alter table trail_export_parts force row level security;
alter table trail_export_links enable row level security;
alter table trail_export_links force row level security;
create policy tenant on trail_exports to audit_api using (tenant_id = nullif(current_setting('nile.tenant_id', true), '')::uuid)
    with check (tenant_id = nullif(current_setting('nile.tenant_id', true), '')::uuid);
create policy tenant on trail_export_parts to audit_api using (tenant_id = nullif(current_setting('nile.tenant_id', true), '')::uuid)
    with check (tenant_id = nullif(current_setting('nile.tenant_id', true), '')::uuid);
create policy tenant on trail_export_links to audit_api using (tenant_id = nullif(current_setting('nile.tenant_id', true), '')::uuid)
    with check (tenant_id = nullif(current_setting('nile.tenant_id', true), '')::uuid);
create policy worker on trail_exports to audit_worker using (true) with check (true);
create policy worker on trail_export_parts to audit_worker using (true) with check (true);
create policy worker on trail_export_links to audit_worker using (true) with check (true);
create policy owner on trail_exports to audit_owner using (true) with check (true);
create policy owner on trail_export_parts to audit_owner using (true) with check (true);
create policy owner on trail_export_links to audit_owner using (true) with check (true);
grant select, update on trail_exports to audit_api;
grant select, delete on trail_export_parts to audit_api;
grant select, insert, delete on trail_export_links to audit_api;
grant select, insert, update, delete on trail_exports, trail_export_parts, trail_export_links to audit_worker;

-- MARK: Retention

-- How many days each class is kept; nobody but the owner reads or changes it.
create table trail_retention (
    class text primary key,
    days integer not null
);
insert into trail_retention (class, days) values ('d90', 90), ('y1', 366), ('y7', 2557);

-- When a month of a class may go: when the last entry's time is over, and thirty days of grace. Null for a class that never goes.
create function trail_month_lapses(of_class text, of_month date) returns timestamptz language sql stable as $function$
    select ((of_month + interval '1 month') at time zone 'UTC') + make_interval(days => r.days + 30) from trail_retention r where r.class = of_class
$function$;
revoke all on function trail_month_lapses(text, date) from public;

-- The months whose time and grace are over: those that have partitions, and those that stand in a default one.
create function trail_lapsed() returns table (class text, month date)
language sql stable security definer
set search_path = audit, pg_temp
as $function$
    select there.class, there.month from (
        select r.class, to_date(right(c.relname, 7), 'YYYY_MM') as month
        from trail_retention r
        join pg_inherits i on i.inhparent = ('trail_events_' || r.class)::regclass
        join pg_class c on c.oid = i.inhrelid and c.relname ~ '_[0-9]{4}_[0-9]{2}$'
        union select 'd90', date_trunc('month', occurred_at at time zone 'UTC')::date from trail_events_d90_default
        union select 'y1', date_trunc('month', occurred_at at time zone 'UTC')::date from trail_events_y1_default
        union select 'y7', date_trunc('month', occurred_at at time zone 'UTC')::date from trail_events_y7_default
    ) as there
    where trail_month_lapses(there.class, there.month) <= now() order by there.month, there.class
$function$;
revoke all on function trail_lapsed() from public;
grant execute on function trail_lapsed() to audit_worker;

-- Whether a hold keeps an entry: one that is active, or was released less than thirty days ago.
create function trail_is_held(of_tenant uuid, occurred timestamptz) returns boolean language sql stable as $function$
    select exists (
        select from trail_holds h where h.tenant_id = of_tenant and (h.released_at is null or h.released_at > now() - interval '30 days')
        and (h.from_at is null or occurred >= h.from_at) and (h.to_at is null or occurred < h.to_at))
$function$;
revoke all on function trail_is_held(uuid, timestamptz) from public;

-- Drops a month of a class, whoever asks, only when its time and grace are over by the database's own clock; what a hold keeps is copied first.
-- Gives how many entries are gone. The tree's tiles stay, and with them every root and proof.
create function trail_retire_month(of_class text, of_month date) returns bigint
language plpgsql security definer
set search_path = audit, pg_temp
set lock_timeout = '2s'
as $function$
declare
    lapses timestamptz;
    suffix text := '_' || of_class || '_' || to_char(of_month, 'YYYY_MM');
    root text;
    columns text;
    before bigint;
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
    perform pg_advisory_xact_lock(hashtextextended('audit.trail_partitions', 0));
    if to_regclass('trail_events' || suffix) is null then
        return 0;
    end if;
    -- Nobody places a hold or writes an entry between the look and the drop.
    lock table trail_holds in share mode;
    execute format('lock table %I in share mode', 'trail_events' || suffix);
    execute format('select count(*), count(*) filter (where trail_is_held(tenant_id, occurred_at)) from %I', 'trail_events' || suffix)
        into before, held;
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
    return before - held;
end
$function$;
revoke all on function trail_retire_month(text, date) from public;
grant execute on function trail_retire_month(text, date) to audit_worker;

-- Deletes what a hold kept once none does, and its month has lapsed; how many, fewer than `at_most` when none is left.
create function trail_prune_held(at_most integer) returns integer
language plpgsql security definer
set search_path = audit, pg_temp
set lock_timeout = '2s'
as $function$
declare
    pruned integer;
begin
    lock table trail_holds in share mode;
    with gone as materialized (
        select e.tenant_id, e.id from trail_events_hold e
        join trail_classes c on c.tenant_id = e.tenant_id and c.month = date_trunc('month', e.occurred_at at time zone 'UTC')::date
        where not trail_is_held(e.tenant_id, e.occurred_at) and trail_month_lapses(c.class, c.month) <= now()
        limit at_most),
    targets as (delete from trail_targets_hold t using gone g where t.tenant_id = g.tenant_id and t.id = g.id),
    details as (delete from trail_details_hold d using gone g where d.tenant_id = g.tenant_id and d.id = g.id)
    delete from trail_events_hold e using gone g where e.tenant_id = g.tenant_id and e.id = g.id;
    get diagnostics pruned = row_count;
    return pruned;
end
$function$;
revoke all on function trail_prune_held(integer) from public;
grant execute on function trail_prune_held(integer) to audit_worker;
