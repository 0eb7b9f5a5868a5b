-- What people answer: threads, their messages, what each mail that came in meant, and the order in which threads changed.

alter table sends
    -- Whether its campaign ends for whoever answers; its enrolment's gate closes with the answer.
    add column stops_on_reply boolean not null default true,
    -- Sent on purpose to somebody who must not be written to: a person's own answer, confirmed.
    add column passes_suppression boolean not null default false,
    -- Of the subject without "Re:" and the like, so that an answer without references finds its mail; the subject itself is erased.
    add column subject_digest bytea;

-- The first half of our Message-IDs, as MessageComposer makes them.
create function message_digest(tenant uuid, send_key text) returns bytea language sql immutable strict parallel safe
as $$ select substring(sha256(convert_to(tenant::text || '|' || send_key, 'UTF8')) from 1 for 16) $$;
-- As with every index on the ledger, it takes no mail while these are built.
create index sends_message on sends (tenant_id, message_digest(tenant_id, send_key));

-- The Message-IDs that a person's answer refers to, oldest first; the last is the one it answers.
alter table send_contents add column answers text[];

create table inbox_threads (
    tenant_id uuid not null,
    id uuid not null,
    workspace_id uuid not null,
    -- Where the person's mail lies, and through which they are answered.
    mailbox_id uuid not null,
    campaign_id uuid,
    enrolment_id uuid,
    -- The mail of ours that began it.
    origin_send_id uuid,
    -- In lower case; compared by bytes, since only so can row-level security use an index for what begins with some words.
    contact text collate "C" not null,
    contact_name text,
    subject text not null,
    -- Without "Re:" and the like, in lower case.
    subject_key text collate "C" not null,
    -- Of the last mail that came in.
    kind text not null check (kind in ('reply', 'out_of_office', 'auto_reply', 'unsubscribe_wish', 'unknown')),
    state text not null default 'open' check (state in ('open', 'archived', 'snoozed')),
    snoozed_until timestamptz,
    is_unread boolean not null default true,
    assigned_to uuid,
    label text,
    snippet text not null,
    messages integer not null,
    first_at timestamptz not null,
    last_at timestamptz not null,
    last_inbound_at timestamptz not null,
    -- Its place in the order in which the company's threads changed.
    change bigint not null,
    created_at timestamptz not null,
    primary key (tenant_id, id),
    constraint inbox_threads_snooze check ((state = 'snoozed') = (snoozed_until is not null))
);
create index inbox_threads_latest on inbox_threads (tenant_id, last_at desc, id desc);
create index inbox_threads_mailbox on inbox_threads (tenant_id, mailbox_id, last_at desc, id desc);
create index inbox_threads_campaign on inbox_threads (tenant_id, campaign_id, last_at desc, id desc) where campaign_id is not null;
create index inbox_threads_assigned on inbox_threads (tenant_id, assigned_to, last_at desc, id desc) where assigned_to is not null;
create index inbox_threads_contact on inbox_threads (tenant_id, contact, last_at desc);
create index inbox_threads_subject on inbox_threads (tenant_id, subject_key, last_at desc);
create index inbox_threads_change on inbox_threads (tenant_id, change);
create index inbox_threads_snoozed on inbox_threads (snoozed_until) where state = 'snoozed';
-- One thread of a mailbox for each enrolment, or else for each mail of ours.
create unique index inbox_threads_enrolment on inbox_threads (tenant_id, mailbox_id, enrolment_id) where enrolment_id is not null;
create unique index inbox_threads_origin on inbox_threads (tenant_id, mailbox_id, origin_send_id)
    where enrolment_id is null and origin_send_id is not null;

create table inbox_messages (
    tenant_id uuid not null,
    id uuid not null,
    thread_id uuid not null,
    workspace_id uuid not null,
    mailbox_id uuid not null,
    direction text not null check (direction in ('inbound', 'outbound')),
    kind text not null check (kind in ('reply', 'out_of_office', 'auto_reply', 'unsubscribe_wish', 'unknown', 'sent')),
    -- Which rule of the classifier said so; null for what we sent.
    rule text,
    message_id text,
    -- A digest of the identifier, or of where the mail lay when it has none.
    message_key bytea not null,
    -- The identifiers that it refers to, oldest first; the newest fifty.
    refers_to text[] not null,
    sender_name text,
    sender text not null,
    -- Where an answer shall go, if elsewhere.
    reply_to text,
    recipients text[] not null,
    -- Everybody whose address stands in it, in lower case: whoever is forgotten is looked for here.
    people text[] not null,
    subject text not null,
    -- What its writer wrote, and what they quoted.
    text_body text not null,
    quoted_body text,
    html_body text,
    attachments jsonb not null default '[]',
    -- Of what we sent: the mail in the ledger, and who wrote it.
    send_id uuid,
    author_id uuid,
    at timestamptz not null,
    primary key (tenant_id, id)
);
create unique index inbox_messages_key on inbox_messages (tenant_id, mailbox_id, message_key);
create index inbox_messages_thread on inbox_messages (tenant_id, thread_id, at, id);
create index inbox_messages_people on inbox_messages using gin (people);
create index inbox_messages_workspace on inbox_messages (tenant_id, workspace_id);

-- What each mail that came in said about a mail of ours; no address stands here. A row is also the proof that the mail was taken in.
create table inbound_facts (
    tenant_id uuid not null,
    mailbox_id uuid not null,
    message_key bytea not null,
    -- A report may speak of several mails.
    place integer not null,
    workspace_id uuid not null,
    send_id uuid,
    kind text not null,
    rule text not null,
    -- RFC 3463.
    status text,
    at timestamptz not null,
    primary key (tenant_id, mailbox_id, message_key, place)
);
create index inbound_facts_at on inbound_facts (tenant_id, mailbox_id, at);
create index inbound_facts_send on inbound_facts (tenant_id, send_id) where send_id is not null;
create index inbound_facts_workspace on inbound_facts (tenant_id, workspace_id);
create index inbound_facts_old on inbound_facts (at);

-- How many changes a company's threads have seen. Its row is taken last in every transaction, so that numbers come in the order of commits.
create table inbox_heads (
    tenant_id uuid primary key,
    change bigint not null
);

insert into cron_kinds (kind, queue, period_seconds, next_at) values ('inbox.retention', 'queue:maintenance', 3600, '2026-01-01T00:45:00Z');

do $$
declare
    name text;
begin
    foreach name in array array['inbox_threads', 'inbox_messages', 'inbound_facts', 'inbox_heads'] loop
        execute format('alter table %I enable row level security', name);
        execute format('alter table %I force row level security', name);
        execute format($policy$create policy tenant on %I to delivery_api
            using (tenant_id = nullif(current_setting('nile.tenant_id', true), '')::uuid)
            with check (tenant_id = nullif(current_setting('nile.tenant_id', true), '')::uuid)$policy$, name);
        execute format('create policy worker on %I to delivery_worker using (true) with check (true)', name);
        execute format('create policy owner on %I to delivery_owner using (true) with check (true)', name);
        execute format('grant select on %I to delivery_api', name);
        execute format('grant select, insert, update, delete on %I to delivery_worker', name);
    end loop;
end $$;
-- What people do with a thread: nothing of what was written.
grant update (state, snoozed_until, is_unread, assigned_to, label, change) on inbox_threads to delivery_api;
grant insert, update on inbox_heads to delivery_api;
