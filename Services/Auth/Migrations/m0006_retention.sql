-- What has run out goes, so that the tables stay as small as the number of people; nothing here is evidence, the trail is.

create index email_verifications_old on email_verifications (expires_at);
create index password_resets_old on password_resets (expires_at);
create index email_changes_old on email_changes (expires_at);
create index factor_challenges_old on factor_challenges (expires_at);
create index sessions_old on sessions (expires_at);
create index sessions_revoked on sessions (revoked_at) where revoked_at is not null;
create index mails_old on mails (created_at);
create index invitations_old on invitations (expires_at);

grant delete on email_verifications, password_resets, email_changes, factor_challenges, sessions, mails, invitations to auth_worker;
