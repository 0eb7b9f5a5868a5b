-- Every invitation of a company, for as long as the company: the trail names it by the address it went to, and the invitation's own row goes with
-- its time. So whoever was asked and never came, or came by another one, is still found there when the address is to be forgotten.

create table trail_invitations (
    tenant_id uuid not null references public.tenants (id),
    id uuid not null,
    -- Whose address it is, when somebody with that proven address was asked, or has come by it.
    user_id uuid,
    primary key (tenant_id, id)
);
create index trail_invitations_user on trail_invitations (user_id) where user_id is not null;
alter table trail_invitations enable row level security;
alter table trail_invitations force row level security;
create policy worker on trail_invitations to auth_worker using (true) with check (true);
create policy owner on trail_invitations to auth_owner using (true) with check (true);
grant select, insert, update, delete on trail_invitations to auth_worker;

-- Those of before: by which somebody came, and those whose rows are still there.
insert into trail_invitations (tenant_id, id, user_id)
select m.tenant_id, m.seat, m.user_id from users.tenant_users m where m.seat is not null and m.seat <> m.user_id
on conflict do nothing;
insert into trail_invitations (tenant_id, id, user_id)
select i.tenant_id, i.id, u.id
from invitations i left join users.users u on u.email = i.address and u.deleted is null and u.email_verified is not null
on conflict do nothing;
