-- Templates that are changed in versions, taken back and tried out.
alter table templates
    -- Raised with each change: the ETag.
    add column revision bigint not null default 1,
    add column updated_at timestamptz not null default now(),
    -- Gone for people; its versions stay, since campaigns refer to them.
    add column deleted_at timestamptz;
update templates set updated_at = created_at;
create index templates_workspace on templates (tenant_id, workspace_id, id) where deleted_at is null;

-- An empty text_body: the text is derived from the HTML.
alter table template_versions
    add column created_at timestamptz not null default now(),
    add column created_by uuid,
    add column restored_from integer;
update template_versions v set created_at = t.created_at from templates t where t.tenant_id = v.tenant_id and t.id = v.template_id;

-- Test mails of the last hour, which are limited by person; older rows go when the person asks for the next.
create table template_test_sends (
    tenant_id uuid not null,
    id uuid not null,
    workspace_id uuid not null,
    user_id uuid not null,
    at timestamptz not null,
    primary key (tenant_id, id)
);
create index template_test_sends_user on template_test_sends (tenant_id, user_id, at);
alter table template_test_sends enable row level security;
alter table template_test_sends force row level security;
create policy tenant on template_test_sends to campaigns_api
    using (tenant_id = nullif(current_setting('nile.tenant_id', true), '')::uuid)
    with check (tenant_id = nullif(current_setting('nile.tenant_id', true), '')::uuid);
create policy worker on template_test_sends to campaigns_worker using (true) with check (true);
create policy owner on template_test_sends to campaigns_owner using (true) with check (true);
grant select, insert, delete on template_test_sends to campaigns_api;
grant select, insert, update, delete on template_test_sends to campaigns_worker;
