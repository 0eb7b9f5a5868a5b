-- Getting back in, second factors, and a brake on guessing.

alter table sessions
    -- When whoever holds the session last proved to be its person: sensitive actions ask again after a while.
    add column authenticated_at timestamptz,
    -- 1: something known; 2: and something held (NIST 800-63B-4).
    add column assurance smallint not null default 1 check (assurance in (1, 2));
update sessions set authenticated_at = created_at;
alter table sessions alter column authenticated_at set not null;

-- One mailed chance to set a new password, good once.
create table password_resets (
    id uuid primary key,
    user_id uuid not null references users.users (id),
    token_digest bytea not null unique,
    created_at timestamptz not null,
    expires_at timestamptz not null,
    consumed_at timestamptz
);
create index password_resets_user on password_resets (user_id, created_at desc);
grant select, insert, update on password_resets to auth_worker;

-- A new address counts when both the old and the new one have said so.
create table email_changes (
    id uuid primary key,
    user_id uuid not null references users.users (id),
    address text not null,
    old_token_digest bytea not null unique,
    new_token_digest bytea not null unique,
    old_confirmed_at timestamptz,
    new_confirmed_at timestamptz,
    created_at timestamptz not null,
    expires_at timestamptz not null,
    ended_at timestamptz
);
create unique index email_changes_open on email_changes (user_id) where ended_at is null;
grant select, insert, update on email_changes to auth_worker;

-- Failures by what was tried from where, as a digest: the table tells nobody who has an account.
create table throttles (
    key text primary key,
    failures integer not null,
    -- Failures before this are forgotten.
    window_ends_at timestamptz not null,
    blocked_until timestamptz,
    -- How often in a row it was blocked; the delay grows with it.
    blocks integer not null default 0
);
create index throttles_old on throttles (window_ends_at);
grant select, insert, update, delete on throttles to auth_worker;

-- The time-based factor of a person (RFC 6238).
create table totp_factors (
    user_id uuid primary key references users.users (id),
    secret_sealed text not null,
    created_at timestamptz not null,
    -- Null until a code proved that the person has it.
    confirmed_at timestamptz,
    -- The step of the last code that was taken; none of it or before is taken again.
    last_step bigint not null default 0
);
grant select, insert, update, delete on totp_factors to auth_worker;

create table recovery_codes (
    id uuid primary key,
    user_id uuid not null references users.users (id),
    digest bytea not null,
    created_at timestamptz not null,
    used_at timestamptz
);
create index recovery_codes_user on recovery_codes (user_id) where used_at is null;
grant select, insert, update, delete on recovery_codes to auth_worker;

-- Somebody knew the password and has still to show the second factor; there is no session yet.
create table factor_challenges (
    id uuid primary key,
    user_id uuid not null references users.users (id),
    token_digest bytea not null unique,
    attempts integer not null default 0,
    created_at timestamptz not null,
    expires_at timestamptz not null,
    consumed_at timestamptz
);
create index factor_challenges_user on factor_challenges (user_id, created_at desc);
grant select, insert, update on factor_challenges to auth_worker;
