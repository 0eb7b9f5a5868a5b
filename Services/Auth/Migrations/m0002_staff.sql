-- People of the platform's operator. Authority over the platform comes from here, never from a role in a tenant.
create table staff (
    user_id uuid primary key references users.users (id),
    role text not null check (role in ('super_admin', 'support', 'finance', 'ops')),
    created_at timestamptz not null
);
grant select, insert on staff to auth_worker;
