-- Mailboxes that sign in by an access token (Gmail, Outlook): the trips to the provider, and the consents that came of them.

-- How a mailbox signs in to send; one that does by a token has no password.
alter table mailboxes
    add column authentication text not null default 'basic' check (authentication in ('basic', 'oauth')),
    add constraint mailboxes_secret check (authentication = 'basic' or password_sealed = '');

-- One trip to a provider and back, good once. Of its secrets only digests are kept, or sealed.
create table mailbox_oauth_flows (
    tenant_id uuid not null,
    id uuid not null,
    provider text not null check (provider in ('google', 'microsoft')),
    state_digest bytea not null,
    nonce_digest bytea not null,
    -- What the browser that began it holds in a cookie.
    binding_digest bytea not null,
    verifier_sealed text not null,
    -- Who began it, and in which session.
    user_id uuid not null,
    user_name text not null,
    session_id uuid not null,
    workspace_id uuid not null,
    workspace_slug text not null,
    -- The mailbox whose consent is renewed, else what the new one is to be.
    mailbox_id uuid,
    display_name text,
    daily_limit integer,
    hourly_limit integer,
    gap_seconds integer not null default 0,
    ramp text,
    created_at timestamptz not null,
    expires_at timestamptz not null,
    consumed_at timestamptz,
    primary key (tenant_id, id),
    check ((mailbox_id is null) = (display_name is not null))
);
create unique index mailbox_oauth_flows_state on mailbox_oauth_flows (tenant_id, state_digest);
create index mailbox_oauth_flows_old on mailbox_oauth_flows (expires_at);

-- What a person consented to at a provider, with the tokens that came of it, sealed for their row.
create table mailbox_consents (
    tenant_id uuid not null,
    mailbox_id uuid not null,
    provider text not null check (provider in ('google', 'microsoft')),
    -- Whose consent it is: with the issuer, the subject never changes and is never given to somebody else.
    issuer text not null,
    subject text not null,
    scopes text not null,
    state text not null default 'granted' check (state in ('granted', 'lost')),
    state_reason text,
    state_since timestamptz not null,
    granted_at timestamptz not null,
    refresh_sealed text,
    access_sealed text,
    access_expires_at timestamptz,
    -- Raised with each access token, so that whoever was refused with an older one can tell.
    generation bigint not null default 1,
    refreshed_at timestamptz not null,
    -- Who asks the provider at this moment, by the database's clock; the others wait for what comes of it.
    lease_holder uuid,
    lease_until timestamptz,
    -- Tries in a row that the provider had no answer to, and when it may be asked again.
    failures integer not null default 0,
    retry_at timestamptz,
    failure text,
    primary key (tenant_id, mailbox_id),
    constraint mailbox_consents_tokens check ((state = 'granted') = (refresh_sealed is not null)),
    constraint mailbox_consents_access check ((access_sealed is null) = (access_expires_at is null))
);
-- Whoever withdraws one consent at a provider withdraws all of the same person: asked before it is done.
create index mailbox_consents_subject on mailbox_consents (issuer, subject);

insert into cron_kinds (kind, queue, period_seconds, next_at) values
    ('oauth.retention', 'queue:maintenance', 3600, '2026-01-01T00:50:00Z');

do $$
declare
    name text;
begin
    foreach name in array array['mailbox_oauth_flows', 'mailbox_consents'] loop
        execute format('alter table %I enable row level security', name);
        execute format('alter table %I force row level security', name);
        execute format($policy$create policy tenant on %I to delivery_api
            using (tenant_id = nullif(current_setting('nile.tenant_id', true), '')::uuid)
            with check (tenant_id = nullif(current_setting('nile.tenant_id', true), '')::uuid)$policy$, name);
        execute format('create policy worker on %I to delivery_worker using (true) with check (true)', name);
        execute format('create policy owner on %I to delivery_owner using (true) with check (true)', name);
        execute format('grant select, insert, update on %I to delivery_api', name);
        execute format('grant select, insert, update, delete on %I to delivery_worker', name);
    end loop;
end $$;
