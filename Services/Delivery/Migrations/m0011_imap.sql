-- Reading mailboxes by IMAP: where each is read, how far, by which replica, and what could not be taken in.

create table mailbox_readers (
    tenant_id uuid not null,
    mailbox_id uuid not null,
    host text not null,
    port integer not null,
    security text not null,
    username text not null,
    -- By the sealed password, or by an access token that is asked for anew each time.
    authentication text not null default 'password' check (authentication in ('password', 'token')),
    password_sealed text,
    state text not null default 'active' check (state in ('active', 'failing')),
    state_reason text,
    state_since timestamptz not null,
    -- Passes in a row that failed.
    failures integer not null default 0,
    -- When it is to be read again; for one that is in somebody's hands, when that somebody is taken for dead.
    next_at timestamptz not null,
    -- When all of it was last read without an error.
    read_at timestamptz,
    -- Who reads it, by the database's clock; each that takes it raises the fence.
    lease_holder text,
    lease_until timestamptz,
    fence bigint not null default 0,
    -- Whether its connection waits for news.
    idles boolean not null default false,
    created_at timestamptz not null,
    updated_at timestamptz not null,
    primary key (tenant_id, mailbox_id),
    constraint mailbox_readers_secret check ((authentication = 'password') = (password_sealed is not null))
);
create index mailbox_readers_due on mailbox_readers (next_at);
create index mailbox_readers_held on mailbox_readers (lease_holder) where lease_holder is not null;

-- How far each folder was read: moved in the transaction that takes the mails in.
create table mailbox_folders (
    tenant_id uuid not null,
    mailbox_id uuid not null,
    folder text not null check (folder in ('inbox', 'sent', 'spam')),
    -- As the server calls it.
    name text not null,
    uid_validity bigint not null,
    last_uid bigint not null,
    -- When it was last seen to have nothing more.
    read_at timestamptz,
    -- The mail that could not be taken in, and how often that was tried.
    stumble_uid bigint,
    stumbles integer not null default 0,
    primary key (tenant_id, mailbox_id, folder)
);

-- Mails that were taken in, by a digest of what names them: a server that numbers its mails anew does not have them taken in twice.
create table mailbox_mails (
    tenant_id uuid not null,
    mailbox_id uuid not null,
    folder text not null,
    digest bytea not null,
    taken_at timestamptz not null,
    primary key (tenant_id, mailbox_id, folder, digest)
);
create index mailbox_mails_old on mailbox_mails (taken_at);

-- Mails that nobody could take in, passed over so that those after them are.
create table mailbox_quarantine (
    tenant_id uuid not null,
    id uuid not null,
    mailbox_id uuid not null,
    folder text not null,
    uid_validity bigint not null,
    uid bigint not null,
    reason text not null,
    received_at timestamptz,
    -- In bytes, as the server had it; what is kept of it ends at 1 MB.
    size bigint,
    bytes_sealed text,
    -- Digests of the addresses in its header, for whoever must be forgotten.
    address_digests bytea[] not null default '{}',
    created_at timestamptz not null,
    primary key (tenant_id, id)
);
create index mailbox_quarantine_mailbox on mailbox_quarantine (tenant_id, mailbox_id);
create index mailbox_quarantine_old on mailbox_quarantine (created_at);

-- Who shares the reading, by sign of life.
create table mailbox_reading_replicas (
    name text primary key,
    seen_at timestamptz not null
);

-- What the copy in the mailbox' folder of sent mail tells: that the mail went out, and the Message-ID where the provider gave it another one. As
-- with every index on the ledger, it takes no mail while these are built.
alter table sends
    add column sent_copy_at timestamptz,
    add column provider_message_id text;
create index sends_provider_message on sends (tenant_id, provider_message_id) where provider_message_id is not null;
create index sends_ambiguous_mailbox on sends (tenant_id, mailbox_id) where state = 'ambiguous';

insert into cron_kinds (kind, queue, period_seconds, next_at) values
    ('inbound.retention', 'queue:maintenance', 3600, '2026-01-01T00:40:00Z');

do $$
declare
    name text;
begin
    foreach name in array array['mailbox_readers', 'mailbox_folders', 'mailbox_mails', 'mailbox_quarantine'] loop
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
grant insert, update on mailbox_readers to delivery_api;
grant select, insert, update, delete on mailbox_reading_replicas to delivery_worker;
