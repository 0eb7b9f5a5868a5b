-- Under which key somebody has a place under the plan's limit of users: the invitation by which they came. Null: their own identifier.
alter table users.tenant_users add column seat uuid;
-- Invitations that ran out make room, a company at a time.
create index invitations_running_out on invitations (tenant_id, expires_at) where accepted_at is null and revoked_at is null;
