-- What `./penguin restore` does to a restored database before anything starts: what may have happened after the backup, and is not in it, is made
-- visible and held. Needs: a superuser, the variables `until` (the last instant at which the lost stack may have sent), `taken` (that of the
-- backup) and `holds` (false where it is known that nothing was sent after it), and the temporary table reach, made by Tools/penguin/uncertain.py:
-- campaign, version and step → each mail that may follow, and the shortest time until then.

\set ON_ERROR_STOP on
set timezone = 'UTC';
create temporary table report (what text, number bigint);

\if :holds

-- The send keys of mails that may have gone out although the ledger does not say so. A key leaves the list when the ledger has it as ambiguous.
create table if not exists delivery.uncertain_sends (
    tenant_id uuid not null,
    send_key text not null,
    primary key (tenant_id, send_key)
);
alter table delivery.uncertain_sends owner to delivery_owner;
alter table delivery.uncertain_sends enable row level security;
alter table delivery.uncertain_sends force row level security;
drop policy if exists tenant on delivery.uncertain_sends;
create policy tenant on delivery.uncertain_sends to delivery_api
    using (tenant_id = nullif(current_setting('nile.tenant_id', true), '')::uuid)
    with check (tenant_id = nullif(current_setting('nile.tenant_id', true), '')::uuid);
drop policy if exists worker on delivery.uncertain_sends;
create policy worker on delivery.uncertain_sends to delivery_worker using (true) with check (true);
drop policy if exists owner on delivery.uncertain_sends;
create policy owner on delivery.uncertain_sends to delivery_owner using (true) with check (true);
grant select, delete on delivery.uncertain_sends to delivery_worker;

-- Mail that may be out is put where mail is whose worker died in the middle: marked as on its way, under a lease that is over. From there on the
-- sweeper does what it always does: the mail becomes ambiguous, Campaigns and Billing hear of it, and nobody sends it without being told to.
create or replace function delivery.hold_uncertain(sends uuid[], noticed timestamptz, words text) returns bigint
language plpgsql set search_path = delivery, pg_temp as $$
declare
    held bigint;
begin
    with picked as (
        select j.id, j.tenant_id, j.queue, j.state, j.fence from jobs j where j.id = any(sends) and j.kind = 'email' for update
    ), ledger as (
        update sends s set state = 'data_sent', version = s.version + 1, fence = p.fence + 1, data_sent_at = noticed, data_sent_by = null,
            reply_text = words
        from picked p where s.tenant_id = p.tenant_id and s.id = p.id and s.state in ('planned', 'deferred', 'claimed', 'data_sent')
        returning s.id, s.tenant_id, s.mailbox_id
    ), work as (
        update jobs j set state = 'running', fence = p.fence + 1, attempt = j.attempt + 1, claimed_at = noticed, lease_until = '-infinity'
        from picked p join ledger l on l.id = p.id where j.id = p.id
    ), counted as (
        insert into queue_counters as c (queue, shard, waiting, active)
        select p.queue, 1001, -count(*), count(*) from picked p join ledger l on l.id = p.id where p.state in ('queued', 'gated') group by 1
        on conflict (queue, shard) do update set waiting = c.waiting + excluded.waiting, active = c.active + excluded.active
    ), used as (
        -- They count against their mailboxes' limits, as if they had gone out just now: no day holds more than it may.
        insert into mailbox_minutes as m (tenant_id, mailbox_id, minute, mails)
        select tenant_id, mailbox_id, date_trunc('minute', now()), count(*) from ledger group by 1, 2
        on conflict (tenant_id, mailbox_id, minute) do update set mails = m.mails + excluded.mails
    )
    select count(*) into held from ledger;
    return held;
end $$;
alter function delivery.hold_uncertain owner to delivery_owner;

-- What Campaigns hands over later is looked up in the list.
create or replace function delivery.hold_new_uncertain() returns trigger
language plpgsql set search_path = delivery, pg_temp as $$
declare
    found uuid[];
begin
    if exists (select from uncertain_sends) then
        with gone as (
            delete from uncertain_sends u using added a join sends s on s.tenant_id = a.tenant_id and s.id = a.id
            where a.kind = 'email' and u.tenant_id = s.tenant_id and u.send_key = s.send_key returning s.id)
        select array_agg(id) into found from gone;
        if found is not null then
            perform hold_uncertain(found, now(), 'restored from a backup: it may have gone out before');
        end if;
    end if;
    return null;
end $$;
alter function delivery.hold_new_uncertain owner to delivery_owner;
create or replace trigger hold_uncertain after insert on delivery.jobs
    referencing new table as added for each statement execute function delivery.hold_new_uncertain();

-- Whoever has mail of unknown fate sent again by himself accepted that for a broken line, not for hours of mail.
with changed as (
    update delivery.delivery_settings set ambiguous = 'hold', updated_at = now() where ambiguous = 'resend' returning 1)
insert into report select 'companies_no_longer_resending', count(*) from changed;

-- What the ledger knows: whatever was due, or on its way.
insert into report
select 'mails_held', delivery.hold_uncertain(array(
    select j.id from delivery.jobs j join delivery.sends s on s.tenant_id = j.tenant_id and s.id = j.id
    where j.kind = 'email' and s.state in ('planned', 'deferred', 'claimed', 'data_sent')
      and (j.state = 'running' or j.state in ('queued', 'gated') and j.run_at <= :'until')
), :'taken', 'restored from a backup: it may have gone out since');

-- What it does not know yet: mails that enrolments stand at, and those that may have followed before `until`.
with standing as (
    select e.tenant_id, e.id, e.campaign_id, e.step, v.version,
        case when e.status = 'waiting' then greatest(e.due_at, :'taken') when j.run_at is not null then greatest(j.run_at, :'taken')
            else coalesce(s.resolved_at, :'taken') end as due
    from campaigns.enrolments e
    join campaigns.campaigns c on c.tenant_id = e.tenant_id and c.id = e.campaign_id
    cross join lateral (values (e.sequence_version), (c.sequence_version)) as v (version)
    left join delivery.sends s on s.tenant_id = e.tenant_id and s.send_key = 'campaign:' || e.id || ':' || e.step
    left join delivery.jobs j on j.id = s.id and j.state in ('queued', 'gated')
    where e.status in ('waiting', 'handing_over', 'queued', 'deferred', 'held') and c.status in ('scheduled', 'active', 'paused')
), listed as (
    insert into delivery.uncertain_sends (tenant_id, send_key)
    select distinct e.tenant_id, 'campaign:' || e.id || ':' || r.mail from standing e
    join reach r on r.tenant_id = e.tenant_id and r.campaign_id = e.campaign_id and r.version = e.version and r.step = e.step
    where e.due + make_interval(secs => r.seconds) <= :'until'
      and not exists (select from delivery.sends s where s.tenant_id = e.tenant_id and s.send_key = 'campaign:' || e.id || ':' || r.mail)
    on conflict do nothing returning 1)
insert into report select 'mails_to_be_held', count(*) from listed;

-- Whoever was enrolled after the backup is unknown here and would be enrolled again, under another key: people decide about such campaigns.
with paused as (
    update campaigns.campaigns set status = 'paused', version = version + 1, revision = revision + 1, gate_pending_since = now() - interval '1 hour',
        status_reason = 'restored from a backup of ' || to_char(:'taken'::timestamptz, 'YYYY-MM-DD HH24:MI')
            || ' UTC while it was still enrolling: whoever was enrolled after that would be written to again'
    where status = 'active' and not is_enrolled returning 1)
insert into report select 'campaigns_paused', count(*) from paused;
with drafted as (
    update campaigns.campaigns set status = 'draft', version = version + 1, revision = revision + 1,
        status_reason = 'restored from a backup of ' || to_char(:'taken'::timestamptz, 'YYYY-MM-DD HH24:MI') || ' UTC: it may have started after that'
    where status = 'scheduled' and starts_at <= :'until' returning 1)
insert into report select 'campaigns_unscheduled', count(*) from drafted;
\endif

-- A session that was ended after the backup would live again.
with ended as (update auth.sessions set revoked_at = now() where revoked_at is null returning 1)
insert into report select 'sessions_ended', count(*) from ended;
with ended as (
    update auth.support_sessions set ended_at = now(), ended_because = 'expired' where ended_at is null returning 1)
insert into report select 'support_sessions_ended', count(*) from ended;

-- The trail says so, the platform's and each company's. An event's identifier is a UUIDv7 of its instant.
with moment as materialized (select date_trunc('milliseconds', clock_timestamp()) as at),
named as materialized (
    select t.tenant, m.at,
        (lpad(to_hex((extract(epoch from m.at) * 1000)::bigint), 12, '0') || '7' || substr(replace(gen_random_uuid()::text, '-', ''), 14))::uuid as id
    from moment m cross join (select null::uuid as tenant union all select id from public.tenants) t)
insert into auth.outbox (id, tenant_id, type, body, occurred_at)
select n.id, n.tenant, 'auth.platform.restored', json_build_object('data', '{}'::json, 'header', json_strip_nulls(json_build_object(
    'id', n.id, 'type', 'auth.platform.restored', 'version', 1, 'tenant', n.tenant, 'actor', json_build_object('kind', 'system', 'id', 'operator'),
    'occurred_at', to_char(n.at, 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'), 'audit', json_build_object(
        'action', 'platform.restore', 'outcome', 'success', 'changes', '[]'::json,
        'targets', json_build_array(json_build_object(
            'type', case when n.tenant is null then 'platform' else 'tenant' end, 'id', coalesce(n.tenant::text, 'platform'))),
        'metadata', json_build_object('backup_taken_at', :'taken', 'sent_until', :'until')))))::text, n.at
from named n;

-- Nobody leads, and no lock of a process that is gone is waited for.
update delivery.dispatcher_lease set holder = null, expires_at = '-infinity', fence = fence + 1;
select json_object_agg(what, number) from report;
