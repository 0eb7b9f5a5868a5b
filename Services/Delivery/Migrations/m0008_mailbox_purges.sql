-- Companies of which mailboxes went with a workspace: the nightly count for the plan's limit speaks of them also when none is left.
create table mailbox_purges (
    tenant_id uuid primary key
);
alter table mailbox_purges enable row level security;
alter table mailbox_purges force row level security;
create policy worker on mailbox_purges to delivery_worker using (true) with check (true);
create policy owner on mailbox_purges to delivery_owner using (true) with check (true);
grant select, insert, delete on mailbox_purges to delivery_worker;
