-- Makes the roles and schemas of the five services; run once per cluster by a superuser, again without harm.
--   psql -v auth_owner_password=… -v auth_api_password=… -v auth_worker_password=… (and so on for each service) -f bootstrap.sql
-- Three roles a service: _owner migrates, _api answers requests under row-level security, _worker works in the background.

\set ON_ERROR_STOP on

select format('create role %I login nosuperuser nocreatedb nocreaterole nobypassrls', service || '_' || kind)
from unnest(array['auth', 'billing', 'campaigns', 'delivery', 'audit']) as service,
     unnest(array['owner', 'api', 'worker']) as kind
where not exists (select from pg_roles where rolname = service || '_' || kind)
\gexec

alter role auth_owner password :'auth_owner_password';
alter role auth_api password :'auth_api_password';
alter role auth_worker password :'auth_worker_password';
alter role billing_owner password :'billing_owner_password';
alter role billing_api password :'billing_api_password';
alter role billing_worker password :'billing_worker_password';
alter role campaigns_owner password :'campaigns_owner_password';
alter role campaigns_api password :'campaigns_api_password';
alter role campaigns_worker password :'campaigns_worker_password';
alter role delivery_owner password :'delivery_owner_password';
alter role delivery_api password :'delivery_api_password';
alter role delivery_worker password :'delivery_worker_password';
alter role audit_owner password :'audit_owner_password';
alter role audit_api password :'audit_api_password';
alter role audit_worker password :'audit_worker_password';

-- Each role works in its own schema; Auth also owns the schemas of Nile's layout.
select format('alter role %I set search_path = %s', service || '_' || kind, case service when 'auth' then 'auth, users, public' else service end)
from unnest(array['auth', 'billing', 'campaigns', 'delivery', 'audit']) as service,
     unnest(array['owner', 'api', 'worker']) as kind
\gexec

-- Nobody connects or creates by default.
select format('revoke all on database %I from public', current_database())
\gexec
revoke all on schema public from public;

select format('grant connect, temporary on database %I to %I', current_database(), service || '_' || kind)
from unnest(array['auth', 'billing', 'campaigns', 'delivery', 'audit']) as service,
     unnest(array['owner', 'api', 'worker']) as kind
\gexec

select format('create schema if not exists %I authorization %I', service, service || '_owner')
from unnest(array['auth', 'billing', 'campaigns', 'delivery', 'audit']) as service
\gexec

select format('grant usage on schema %I to %I, %I', service, service || '_api', service || '_worker')
from unnest(array['auth', 'billing', 'campaigns', 'delivery', 'audit']) as service
\gexec

create schema if not exists users authorization auth_owner;
-- Auth's owner may hand usage of public on to Auth's other roles.
grant usage, create on schema public to auth_owner with grant option;
