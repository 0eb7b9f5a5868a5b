-- What a support session lets read, and how it came to its end; and whose traces in the trail a deletion still has to erase.

alter table support_sessions
    add column scope text[] not null default '{audit}' check (cardinality(scope) > 0),
    add column ended_because text check (ended_because in ('holder', 'expired', 'staff_role_removed'));
update support_sessions set ended_because = 'holder' where ended_at is not null;
alter table support_sessions add constraint support_sessions_end check ((ended_at is null) = (ended_because is null));
create index support_sessions_running on support_sessions (expires_at) where ended_at is null;

-- One for each tree of the trail in which somebody who was erased stands: what Audit has still to be asked. Rows go when it has answered.
create table trail_erasures (
    -- The company whose tree it is; the nil UUID is the platform's.
    tenant_id uuid not null,
    -- The company's deletion that took the person along.
    deletion_tenant uuid not null,
    deletion_id uuid not null,
    subject_type text not null,
    subject_id uuid not null,
    primary key (deletion_tenant, deletion_id, tenant_id, subject_type, subject_id),
    foreign key (deletion_tenant, deletion_id) references deletions (tenant_id, id)
);
alter table trail_erasures enable row level security;
alter table trail_erasures force row level security;
create policy worker on trail_erasures to auth_worker using (true) with check (true);
create policy owner on trail_erasures to auth_owner using (true) with check (true);
grant select, insert, delete on trail_erasures to auth_worker;
