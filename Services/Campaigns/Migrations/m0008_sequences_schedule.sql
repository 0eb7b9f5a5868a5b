-- Campaigns of several steps, with a schedule of their own.
alter table campaigns
    drop constraint campaigns_status_check,
    add constraint campaigns_status_check check (status in ('draft', 'scheduled', 'active', 'paused', 'completed', 'archived')),
    add column audience_kind text not null default 'workspace' check (audience_kind in ('workspace', 'list', 'segment')),
    add column audience_id uuid,
    -- Whether people who come into the audience later are enrolled too.
    add column enrols_later boolean not null default false,
    -- The enroller comes again fifteen minutes after this; NULL before its first batch.
    add column enrolled_at timestamptz,
    add column sequence_version integer not null default 1,
    -- NULL: at any hour.
    add column sending_window jsonb,
    add column time_zone text not null default 'UTC',
    add column uses_lead_zone boolean not null default false,
    add column daily_cap integer check (daily_cap > 0),
    add column rotation text not null default 'round_robin' check (rotation in ('round_robin', 'weighted')),
    -- Where the rotation goes on.
    add column rotation_cursor bigint not null default 0,
    add column stops_on_reply boolean not null default true,
    add column tracks_opens boolean not null default false,
    add column tracks_clicks boolean not null default false,
    add column starts_at timestamptz,
    -- Raised with each change of the campaign or its status: the ETag. `version` is that of its status.
    add column revision bigint not null default 1,
    -- When the scheduler looks at an active campaign again.
    add column next_at timestamptz not null default '-infinity',
    -- Work on enrolments that an edit (`recall`) or a stop (`stop`) has left, and how far it has come.
    add column sweeping text check (sweeping in ('recall', 'stop')),
    add column sweep_cursor uuid,
    -- Until when one process sweeps alone, by the database's clock.
    add column sweep_lease timestamptz not null default '-infinity',
    add column archived_at timestamptz,
    -- A status whose gate Delivery has not confirmed yet, since when.
    add column gate_pending_since timestamptz,
    -- How many mails the last refused batch was told are left of the quota.
    add column batch_limit integer check (batch_limit > 0);
drop index campaigns_active;
create index campaigns_next on campaigns (next_at) where status = 'active';
create index campaigns_enrolling on campaigns (enrolled_at nulls first, launched_at) where status = 'active' and not is_enrolled;
create index campaigns_starting on campaigns (starts_at) where status = 'scheduled';
create index campaigns_gates on campaigns (gate_pending_since) where gate_pending_since is not null;
create index campaigns_sweeping on campaigns (id) where sweeping is not null;
create index campaigns_audience on campaigns (tenant_id, audience_id) where audience_id is not null;
alter table campaigns drop column retry_at;

create table campaign_mailboxes (
    tenant_id uuid not null,
    campaign_id uuid not null,
    mailbox_id uuid not null,
    position integer not null,
    primary key (tenant_id, campaign_id, mailbox_id)
);
insert into campaign_mailboxes select tenant_id, id, mailbox_id, 1 from campaigns;

-- The steps of a campaign, a version an edit; a version never changes.
create table campaign_sequences (
    tenant_id uuid not null,
    campaign_id uuid not null,
    version integer not null,
    steps jsonb not null,
    created_at timestamptz not null,
    primary key (tenant_id, campaign_id, version)
);
insert into campaign_sequences
select tenant_id, id, 1, jsonb_build_array(jsonb_build_object('number', 1, 'kind', 'email', 'variants', jsonb_build_array(
    jsonb_build_object('name', 'A', 'template', template_id, 'template_version', template_version, 'weight', 1)))), created_at
from campaigns;

-- A status is also the part of the campaign's progress that the enrolment counts towards ('handing_over' counts as waiting).
alter table enrolments
    drop constraint enrolments_status_check,
    add column step integer not null default 1,
    add column sequence_version integer not null default 1,
    -- Chosen with the first mail; the whole thread goes through it.
    add column mailbox_id uuid,
    add column time_zone text,
    add column exit_reason text,
    add column finished_at timestamptz,
    -- Ended while a mail of it may still be with Delivery: that mail is to be cancelled.
    add column needs_withdrawal boolean not null default false,
    -- When a cancellation that came too late is tried again.
    add column withdraw_after timestamptz not null default '-infinity';
update enrolments set status = 'finished' where status = 'sent';
alter table enrolments
    add constraint enrolments_status_check check (status in
        ('waiting', 'handing_over', 'queued', 'deferred', 'held',
         'finished', 'failed', 'suppressed', 'replied', 'bounced', 'complained', 'unsubscribed', 'removed'));
drop index enrolments_due;
-- Whoever is in a thread goes before those who wait for their first mail.
create index enrolments_started on enrolments (tenant_id, campaign_id, due_at, id) where status = 'waiting' and mailbox_id is not null;
create index enrolments_new on enrolments (tenant_id, campaign_id, due_at, id) where status = 'waiting' and mailbox_id is null;
create index enrolments_lead on enrolments (tenant_id, lead_id);
create index enrolments_withdrawal on enrolments (withdraw_after, tenant_id, id) where needs_withdrawal;
create index enrolments_status on enrolments (tenant_id, campaign_id, status, id);

alter table campaign_counters drop column total;
alter table campaign_counters rename column sent to finished;
alter table campaign_counters
    add column replied bigint not null default 0 check (replied >= 0),
    add column bounced bigint not null default 0 check (bounced >= 0),
    add column complained bigint not null default 0 check (complained >= 0),
    add column unsubscribed bigint not null default 0 check (unsubscribed >= 0),
    add column removed bigint not null default 0 check (removed >= 0),
    -- Mails that may still go out: planned or with Delivery, no last word yet. Not a part of the total.
    add column outstanding bigint not null default 0 check (outstanding >= 0);
alter table campaign_counters
    add column total bigint generated always as (waiting + queued + deferred + held + finished + failed + suppressed + replied + bounced
        + complained + unsubscribed + removed) stored;
update campaign_counters k set outstanding = n.mails from (
    select tenant_id, campaign_id, count(*) as mails from enrolments where status in ('handing_over', 'queued', 'deferred') group by 1, 2) n
where k.tenant_id = n.tenant_id and k.campaign_id = n.campaign_id;

-- The mails of an enrolment, one a step at most: what was decided, what became of it, what the person did with it.
create table enrolment_sends (
    tenant_id uuid not null,
    enrolment_id uuid not null,
    step integer not null,
    campaign_id uuid not null,
    lead_id uuid not null,
    hand_over_id uuid,
    variant text not null,
    template_id uuid not null,
    template_version integer not null,
    mailbox_id uuid not null,
    state text not null check (state in
        ('planned', 'queued', 'deferred', 'ambiguous', 'accepted', 'refused', 'suppressed', 'cancelled')),
    -- That of Delivery's last word that was heard.
    version bigint not null default 0,
    planned_at timestamptz not null,
    -- The campaign's local day on which it counts.
    day date,
    sent_at timestamptz,
    opened_at timestamptz,
    machine_opened_at timestamptz,
    clicked_at timestamptz,
    replied_at timestamptz,
    bounced_at timestamptz,
    complained_at timestamptz,
    unsubscribed_at timestamptz,
    primary key (tenant_id, enrolment_id, step)
);
create index enrolment_sends_lead on enrolment_sends (tenant_id, lead_id);
create index enrolment_sends_queued on enrolment_sends (tenant_id, campaign_id, enrolment_id, step) where state = 'queued';
create index enrolment_sends_hand_over on enrolment_sends (tenant_id, hand_over_id) where state = 'planned';
insert into enrolment_sends (tenant_id, enrolment_id, step, campaign_id, lead_id, hand_over_id, variant, template_id, template_version, mailbox_id,
    state, version, planned_at)
select e.tenant_id, e.id, 1, e.campaign_id, e.lead_id, e.hand_over_id, 'A', c.template_id, c.template_version, c.mailbox_id,
    case e.status when 'handing_over' then 'planned' when 'held' then 'ambiguous' when 'finished' then 'accepted' when 'failed' then 'refused'
        else e.status end, e.send_version, e.created_at
from enrolments e join campaigns c on c.tenant_id = e.tenant_id and c.id = e.campaign_id where e.status <> 'waiting' and
    not (e.status = 'suppressed' and e.hand_over_id is null);
-- Whoever had a mail, or has one on its way, is in the thread of its mailbox.
update enrolments e set mailbox_id = s.mailbox_id from enrolment_sends s where s.tenant_id = e.tenant_id and s.enrolment_id = e.id;
alter table enrolments drop column send_version;
drop index enrolments_hand_over;
alter table enrolments drop column hand_over_id;

-- What mails of a step and variant came to, by the day on which each was sent; changed in the commit that hears of it.
create table step_stats (
    tenant_id uuid not null,
    campaign_id uuid not null,
    day date not null,
    step integer not null,
    variant text not null,
    -- Taken by the receiving server, or gone with an unknown fate.
    sent bigint not null default 0,
    refused bigint not null default 0,
    bounced bigint not null default 0,
    opened bigint not null default 0,
    machine_opened bigint not null default 0,
    clicked bigint not null default 0,
    replied bigint not null default 0,
    complained bigint not null default 0,
    unsubscribed bigint not null default 0,
    primary key (tenant_id, campaign_id, day, step, variant)
);

-- A step with variants under test: since when, and which one won.
create table step_tests (
    tenant_id uuid not null,
    campaign_id uuid not null,
    step integer not null,
    opened_at timestamptz not null,
    winner text,
    primary key (tenant_id, campaign_id, step)
);

-- What was decided about an enrolment and cannot be seen from its mails: conditions, moves to another version of the steps, ends, stops by hand.
create table enrolment_decisions (
    tenant_id uuid not null,
    enrolment_id uuid not null,
    id uuid not null,
    step integer,
    kind text not null,
    detail jsonb not null default '{}',
    at timestamptz not null,
    primary key (tenant_id, enrolment_id, id)
);

-- What a company may do, as Billing told last, and whether the platform has suspended it, as Auth told.
create table tenant_access (
    tenant_id uuid primary key,
    access text not null default 'full',
    version bigint not null default 0,
    is_suspended boolean not null default false,
    suspension_version bigint not null default 0
);

-- What was in these is in the steps and mailboxes now.
alter table campaigns
    drop column template_id,
    drop column template_version,
    drop column mailbox_id;

grant delete on campaign_counters to campaigns_api;

do $$
declare
    name text;
begin
    foreach name in array array['campaign_mailboxes', 'campaign_sequences', 'enrolment_sends', 'step_stats', 'step_tests', 'enrolment_decisions',
                                'tenant_access'] loop
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
