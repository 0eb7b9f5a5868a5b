-- Mailboxes that do badly pause themselves; what was said to the server is kept for mail that failed.

-- What runs is little enough to be read whole; the index cost a write with every heartbeat.
drop index jobs_leased;

-- What became of a mailbox' mails, by the day, since its owner last said that it may send.
create table mailbox_days (
    tenant_id uuid not null,
    mailbox_id uuid not null,
    day date not null,
    accepted bigint not null default 0,
    refused bigint not null default 0,
    primary key (tenant_id, mailbox_id, day)
);
create index mailbox_days_old on mailbox_days (day);
-- When a try last failed for reasons of the mailbox; `failures` counts such tries in a row.
alter table mailboxes add column failed_at timestamptz;
-- Whose mark it is: a claim may come into two hands when a line to Redis breaks, and only who marked it knows what was sent.
alter table sends add column data_sent_by uuid;
-- Commands and replies of the try; never credentials, never what a mail says.
alter table job_logs add column transcript text;

alter table mailbox_days enable row level security;
alter table mailbox_days force row level security;
create policy tenant on mailbox_days to delivery_api
    using (tenant_id = nullif(current_setting('nile.tenant_id', true), '')::uuid)
    with check (tenant_id = nullif(current_setting('nile.tenant_id', true), '')::uuid);
create policy worker on mailbox_days to delivery_worker using (true) with check (true);
create policy owner on mailbox_days to delivery_owner using (true) with check (true);
grant select, delete on mailbox_days to delivery_api;
grant select, insert, update, delete on mailbox_days to delivery_worker;
