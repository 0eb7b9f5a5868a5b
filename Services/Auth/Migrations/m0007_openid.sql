-- Signing in through Google and Microsoft (OpenID Connect).

-- One trip to a provider and back, good once.
create table openid_flows (
    id uuid primary key,
    provider text not null,
    state_digest bytea not null unique,
    nonce_digest bytea not null,
    -- What the browser that began it holds in a cookie.
    binding_digest bytea not null,
    verifier_sealed text not null,
    callback_path text not null,
    -- Set when somebody who is signed in wants to add the provider: the person, and the session in which it was asked for.
    link_user uuid references users.users (id),
    link_session uuid,
    created_at timestamptz not null,
    expires_at timestamptz not null,
    consumed_at timestamptz,
    check ((link_user is null) = (link_session is null))
);
create index openid_flows_old on openid_flows (expires_at);
grant select, insert, update, delete on openid_flows to auth_worker;

-- Who is whom: a provider's subject never changes and is never given to somebody else; an address may be both.
create table openid_identities (
    issuer text not null,
    subject text not null,
    user_id uuid not null references users.users (id),
    created_at timestamptz not null,
    primary key (issuer, subject)
);
create index openid_identities_user on openid_identities (user_id);
grant select, insert, delete on openid_identities to auth_worker;
