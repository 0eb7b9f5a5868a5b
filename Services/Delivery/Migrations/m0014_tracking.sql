-- What readers, and machines on the way to them, did with mails: what of it is noticed at all, and what was.
--
-- No address of a machine, no name of a program, no address of a person stands here: they are looked at in memory, and what is kept is a word.

create table tracking_settings (
    tenant_id uuid primary key,
    -- Opens need consent (EDPB 2/2023): off until the company says that it has it.
    opens boolean not null default false,
    clicks boolean not null default true,
    -- A link that no person sees: whoever follows it is a machine.
    hidden_link boolean not null default true,
    updated_at timestamptz not null
);

-- Who does not want to be noticed.
create table tracking_opt_outs (
    tenant_id uuid not null,
    -- As the ledger has its recipients: an address in lower case, or what stands for one that was forgotten.
    subject text not null,
    -- Who said so: `recipient` by the link in a mail, or `tenant`.
    source text not null check (source in ('recipient', 'tenant')),
    created_at timestamptz not null,
    primary key (tenant_id, subject)
);

-- What has just come in. Judged a little later, when what came beside it is known, and kept for some minutes as the neighbour of others.
create table tracking_hits (
    tenant_id uuid not null,
    id uuid not null,
    send_id uuid not null,
    kind text not null check (kind in ('open', 'click', 'hidden')),
    -- The number of the link in the mail; of an opening 0.
    link integer not null,
    -- How many links the mail has.
    links integer not null,
    -- What asked, as a word.
    visitor text not null check (visitor in ('person', 'view_proxy', 'prefetcher', 'scanner', 'program', 'unknown')),
    -- The first; the same again in the same moment is counted here.
    at timestamptz not null,
    times integer not null default 1,
    judged_at timestamptz,
    primary key (tenant_id, id)
);
create index tracking_hits_unjudged on tracking_hits (at) where judged_at is null;
create index tracking_hits_send on tracking_hits (tenant_id, send_id, at);
create index tracking_hits_judged on tracking_hits (judged_at) where judged_at is not null;

-- How often by the day, UTC; others are told of the first of each kind of visitor on a day.
create table tracking_counts (
    tenant_id uuid not null,
    send_id uuid not null,
    kind text not null check (kind in ('open', 'click')),
    link integer not null,
    day date not null,
    human bigint not null default 0,
    machine bigint not null default 0,
    primary key (tenant_id, send_id, kind, link, day)
);

insert into cron_kinds (kind, queue, period_seconds, next_at) values ('tracking.sweep', 'queue:maintenance', 600, '2026-01-01T00:05:00Z');

do $$
declare
    name text;
begin
    foreach name in array array['tracking_settings', 'tracking_opt_outs', 'tracking_hits', 'tracking_counts'] loop
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
grant insert, update on tracking_settings to delivery_api;
grant insert, update, delete on tracking_opt_outs to delivery_api;
