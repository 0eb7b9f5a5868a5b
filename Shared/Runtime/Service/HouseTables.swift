public import Contracts
public import Postgres

/// The tables that every service has: what it tells others, what it has heard, and the answers it can repeat.
public enum HouseTables {
    /// Runs before a service's own migrations, in its schema and as its owner.
    public static func migration(for service: ServiceName) -> Migration {
        let name = service.rawValue
        let tenant = "nullif(current_setting('nile.tenant_id', true), '')::uuid"
        return Migration(
            name: "m0000_house",
            script: """
                -- Facts on their way to everyone; a row stays until every reader has acknowledged it.
                create table outbox (
                    id uuid primary key,
                    tenant_id uuid,
                    type text not null,
                    body text not null,
                    occurred_at timestamptz not null,
                    epoch uuid,
                    stream_ms bigint,
                    stream_seq bigint,
                    published_at timestamptz
                );
                create index outbox_unpublished on outbox (id) where published_at is null;
                create index outbox_published on outbox (stream_ms, stream_seq) where published_at is not null;
                alter table outbox enable row level security;
                alter table outbox force row level security;
                create policy api on outbox for insert to \(name)_api with check (tenant_id is null or tenant_id = \(tenant));
                create policy worker on outbox to \(name)_worker using (true) with check (true);
                create policy owner on outbox to \(name)_owner using (true) with check (true);
                grant insert on outbox to \(name)_api;
                grant select, insert, update, delete on outbox to \(name)_worker;

                -- What the relay knows of the Redis it publishes to.
                create table outbox_relay (
                    singleton boolean primary key default true check (singleton),
                    epoch uuid,
                    redis_run_id text,
                    acknowledged_ms bigint not null default 0,
                    acknowledged_seq bigint not null default 0
                );
                grant select, insert, update on outbox_relay to \(name)_worker;

                -- Facts heard from others, so that hearing one twice has no effect.
                create table processed_events (
                    event_id uuid primary key,
                    processed_at timestamptz not null default now()
                );
                create index processed_events_age on processed_events (processed_at);
                grant select, insert, delete on processed_events to \(name)_worker;

                -- Facts that could not be taken in, with the reason; never dropped.
                create table quarantined_events (
                    event_id uuid primary key,
                    source text not null,
                    type text not null,
                    body bytea not null,
                    reason text not null,
                    quarantined_at timestamptz not null default now()
                );
                grant select, insert, delete on quarantined_events to \(name)_worker;

                -- Answers by Idempotency-Key.
                create table idempotency_keys (
                    tenant_id uuid not null,
                    route text not null,
                    key text not null,
                    digest bytea not null,
                    status integer,
                    content_type text,
                    body bytea,
                    created_at timestamptz not null,
                    primary key (tenant_id, route, key)
                );
                create index idempotency_keys_age on idempotency_keys (created_at);
                alter table idempotency_keys enable row level security;
                alter table idempotency_keys force row level security;
                create policy tenant on idempotency_keys to \(name)_api using (tenant_id = \(tenant)) with check (tenant_id = \(tenant));
                create policy worker on idempotency_keys to \(name)_worker using (true) with check (true);
                create policy owner on idempotency_keys to \(name)_owner using (true) with check (true);
                grant select, insert, update, delete on idempotency_keys to \(name)_api;
                grant select, delete on idempotency_keys to \(name)_worker;
                """)
    }

    /// The headers of an answer that a repeated one has, too. A step of each service's own, under its next number: a schema only goes forward.
    public static func repeatedHeaders(_ name: String) -> Migration {
        Migration(name: name, script: "alter table idempotency_keys add column etag text, add column location text;")
    }
}
