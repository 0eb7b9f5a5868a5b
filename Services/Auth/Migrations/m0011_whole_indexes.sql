-- What has ended is found too: a company that is deleted ends its sessions first, and mail is found by whom it goes to.
create index sessions_of_tenant on sessions (tenant_id);
create index sessions_of_user on sessions (user_id);
create index mails_recipient on mails (recipient);
