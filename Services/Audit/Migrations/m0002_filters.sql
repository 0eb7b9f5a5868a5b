-- What an event was done to, as filters name it: `type:id` and `id`. A table of its own because row-level security lets no array
-- operator use an index; equality of text may, and the rows come out in the order of the trail.
create table event_targets (
    tenant_id uuid not null,
    target text not null,
    event_id uuid not null,
    primary key (tenant_id, target, event_id)
);
insert into event_targets select tenant_id, unnest(target_keys), id from events on conflict do nothing;

drop index events_targets;
alter table events drop column target_keys;
create index events_outcome on events (tenant_id, outcome, id);

alter table event_targets enable row level security;
alter table event_targets force row level security;
create policy tenant on event_targets for select to audit_api using (tenant_id = nullif(current_setting('nile.tenant_id', true), '')::uuid);
create policy worker on event_targets to audit_worker using (true) with check (true);
create policy owner on event_targets to audit_owner using (true) with check (true);
-- Append-only, like the events.
grant select on event_targets to audit_api;
grant select, insert on event_targets to audit_worker;
