"""What each role may do in the database, by the catalogue of a stack that is up: tables that somebody adds tomorrow are covered as those of today.

    database_roles.py FOLDER

Starts a stack in FOLDER; prints a line a rule, and what breaks it; ends with 1 if anything does.
"""

import os
import sys

from trial import penguin

from penguin.backup_database import Database
from penguin.layout import SERVICES, Layout, read_json
from penguin.postgres import DATABASE
from penguin.terminal import Failure

KINDS = ("owner", "api", "worker")
# Auth's roles work in Nile's schemas, too.
SCHEMAS = {service: (service, "users", "public") if service == "auth" else (service,) for service in SERVICES}
ALL = [schema for schemas in SCHEMAS.values() for schema in schemas]
# Tables of tenants without row-level security, and why; the role of requests may do nothing at all with them.
OPEN_TABLES = {"auth.sessions": "a session is looked up before anybody knows whose it is"}

# Each rule: what must hold, and a query whose rows are what breaks it. `service` and `kind` of a role are the parts of its name.
PLACES = ", ".join(f"('{service}', '{schema}')" for service in SERVICES for schema in SCHEMAS[service])
ROLES = f"""
    roles as (
        select s.service, k.kind, s.service || '_' || k.kind as role
        from unnest(array{list(SERVICES)!r}) s (service), unnest(array{list(KINDS)!r}) k (kind)),
    places as (select * from (values {PLACES}) p (service, schema)),
    tables as (
        select p.service, n.nspname as schema, c.relname as name, c.oid, c.relispartition as is_partition, c.relrowsecurity as has_rules,
            c.relforcerowsecurity as is_forced,
            c.relowner, exists (select from pg_attribute a where a.attrelid = c.oid and a.attname = 'tenant_id' and not a.attisdropped) as has_tenant
        from pg_class c join pg_namespace n on n.oid = c.relnamespace join places p on p.schema = n.nspname where c.relkind in ('r', 'p'))
"""
RULES = {
    "no role may more than log in: no superuser, no BYPASSRLS, no making of roles or databases, no replication":
        "select rolname from pg_roles join roles on role = rolname where rolsuper or rolbypassrls or rolcreatedb or rolcreaterole or rolreplication "
        "or not rolcanlogin",
    "no role is a member of another":
        "select m.rolname || ' of ' || g.rolname from pg_auth_members a join pg_roles m on m.oid = a.member join pg_roles g on g.oid = a.roleid "
        "where m.rolname in (select role from roles) or g.rolname in (select role from roles)",
    "there are all fifteen roles": "select role from roles where role not in (select rolname from pg_roles)",
    "no role gets into another service's schema":
        "select role || ' in ' || n.nspname from roles r cross join pg_namespace n "
        "where n.nspname in (select schema from places) and not exists (select from places p where p.service = r.service and p.schema = n.nspname) "
        "and (has_schema_privilege(role, n.oid, 'usage') or has_schema_privilege(role, n.oid, 'create'))",
    "no role may anything with another service's table":
        "select r.role || ' on ' || t.schema || '.' || t.name from roles r join tables t on t.service <> r.service "
        "where has_table_privilege(r.role, t.oid, 'select, insert, update, delete, truncate, references, trigger')",
    "only owners make tables":
        "select r.role || ' in ' || p.schema from roles r join places p using (service) where r.kind <> 'owner' and has_schema_privilege(r.role, "
        "p.schema, 'create')",
    "nobody makes schemas": "select role from roles where has_database_privilege(role, current_database(), 'create')",
    "the public may not even connect":
        "select 'connect' where exists (select from pg_database d, aclexplode(d.datacl) a where d.datname = current_database() and a.grantee = 0)",
    "the public may nothing in our schemas":
        "select n.nspname from pg_namespace n, aclexplode(n.nspacl) a where n.nspname in (select schema from places) and a.grantee = 0",
    "the public may nothing with our tables":
        "select t.schema || '.' || t.name from tables t join pg_class c on c.oid = t.oid, aclexplode(c.relacl) a where a.grantee = 0",
    "only the owner of a service owns its tables":
        "select t.schema || '.' || t.name from tables t where t.relowner <> (t.service || '_owner')::regrole",
    "every table of tenants has row-level security, enabled and forced":
        "select schema || '.' || name from tables where has_tenant and not is_partition and not (has_rules and is_forced) and schema || '.' || name "
        "not in (select name from allowed)",
    "of tables of tenants without it requests know nothing":
        "select t.schema || '.' || t.name from tables t where t.schema || '.' || t.name in (select name from allowed) "
        "and has_table_privilege(t.service || '_api', t.oid, 'select, insert, update, delete')",
    "what stands without row-level security is not written by requests":
        "select t.schema || '.' || t.name from tables t where not t.is_partition and not t.has_rules "
        "and has_table_privilege(t.service || '_api', t.oid, 'insert, update, delete')",
    "partitions are reached through their tables only":
        "select r.role || ' on ' || t.schema || '.' || t.name from tables t join roles r on r.service = t.service and r.kind <> 'owner' "
        "where t.is_partition and has_table_privilege(r.role, t.oid, 'select, insert, update, delete, truncate')",
    "requests and background may not empty, refer to or hang triggers on tables":
        "select r.role || ' on ' || t.schema || '.' || t.name from tables t join roles r on r.service = t.service and r.kind <> 'owner' "
        "where has_table_privilege(r.role, t.oid, 'truncate, references, trigger')",
    "what requests see is decided by the transaction's tenant":
        "select p.schemaname || '.' || p.tablename || ' ' || p.policyname from pg_policies p join places on schema = p.schemaname "
        "where (service || '_api')::name = any(p.roles) and coalesce(p.qual, p.with_check) not like '%nile.tenant_id%'",
    "no policy is for everybody":
        "select p.schemaname || '.' || p.tablename || ' ' || p.policyname from pg_policies p where p.schemaname in (select schema from places) and "
        "'public' = any(p.roles)",
    "a policy is for a role of its own service":
        "select p.schemaname || '.' || p.tablename || ' ' || p.policyname from pg_policies p join places on schema = p.schemaname, unnest(p.roles) r "
        "where r not in (select x.role from roles x where x.service = places.service)",
    "a function with its owner's rights names its search path":
        "select f.oid::regprocedure::text from pg_proc f join pg_namespace n on n.oid = f.pronamespace "
        "where n.nspname in (select schema from places) and f.prosecdef and not coalesce(f.proconfig::text like '%search_path=%', false)",
    "a function with its owner's rights is not for everybody":
        "select f.oid::regprocedure::text from pg_proc f join pg_namespace n on n.oid = f.pronamespace "
        "where n.nspname in (select schema from places) and f.prosecdef "
        "and exists (select from aclexplode(coalesce(f.proacl, acldefault('f', f.proowner))) a where a.grantee = 0)",
    "a view reads as whoever asks":
        "select n.nspname || '.' || c.relname from pg_class c join pg_namespace n on n.oid = c.relnamespace "
        "where n.nspname in (select schema from places) and c.relkind in ('v', 'm') and not coalesce(c.reloptions::text like "
        "'%security_invoker=true%', false)",
}
# What each `_api` role tries, and may not.
ATTEMPTS = ("create table {schema}.mine (a int)", "create schema mine", "set role postgres", "set row_security = off; select count(*) from {table}",
    "truncate {table}",
            "alter table {table} disable row level security", "create policy mine on {table} using (true)", "drop table {table}",
            "set session authorization postgres",
            "alter role {role} bypassrls", "select * from {foreign_table} limit 1", "copy (select 1) to program 'true'")

# One of each fault, at the end, when the stack is of no more use: a rule that does not notice its own proves nothing.
SABOTAGE = """
    create table delivery.sabotage (tenant_id uuid);
    alter table auth.sessions owner to auth_worker;
    grant all on delivery.sabotage to delivery_api, billing_api, public;
    grant all on delivery.sends_0 to delivery_worker;
    grant select on auth.sessions to auth_api;
    create view billing.sabotage as select 1 as one;
    create function delivery.sabotage() returns int language sql security definer as 'select 1';
    create policy sabotage on delivery.jobs to public, audit_api using (true);
    create policy sabotage on delivery.lanes to delivery_api using (true);
    grant create on schema delivery to delivery_api, public;
    grant usage on schema auth to audit_api;
    grant create, connect on database penguinmails to billing_worker, public;
    alter role audit_api bypassrls;
    grant audit_owner to audit_api;
    alter role campaigns_worker rename to campaigns_gone;
"""


def main(folder):
    layout = Layout(folder)
    penguin(layout, "up", "--detach", "--no-build")
    try:
        faults = check(layout)
    finally:
        penguin(layout, "down", check=False)
    print(f"{len(RULES)} rules, {faults} faults", flush=True)
    return 1 if faults else 0


def check(layout):
    port, passwords = read_json(layout.state)["ports"]["postgres"], read_json(layout.secrets)
    database = Database.local(port, passwords["postgres"])
    allowed = "allowed as (select * from unnest(array[" + ", ".join(f"'{name}'" for name in OPEN_TABLES) + "]) a (name))"

    def broken(query):
        return database.run(f"with {ROLES}, {allowed} {query};").splitlines()

    faults = sum(told(rule, broken(query)) for rule, query in RULES.items())
    tables = dict(line.split("|") for line in database.run(
        f"with {ROLES} select service, min(schema || '.' || name) from tables where has_rules and not is_partition "
        "and has_table_privilege(service || '_api', oid, 'select') group by 1;").splitlines())
    count = int(database.run(f"with {ROLES} select count(*) from tables;"))
    faults += told(f"the rules speak of {count} tables, of all five services", [] if count > 100 and len(tables) == len(SERVICES)
        else [f"{count} of {sorted(tables)}"])
    for service in SERVICES:
        role, other = f"{service}_api", next(name for name in SERVICES if name != service)
        mine = Database(("-h", "127.0.0.1", "-p", str(port), "-U", role, "-d", DATABASE), {**os.environ, "PGPASSWORD": passwords[role]})
        words = {"schema": service, "table": tables[service], "role": role, "foreign_table": tables[other]}
        faults += told(f"{role} is refused {len(ATTEMPTS)} things", [text for text in (one.format(**words) for one in ATTEMPTS) if succeeds(mine,
            text)])
        faults += told(f"{role} sees nothing of anybody without a tenant", visible(mine, database, service))
    database.run(SABOTAGE)
    # Queries that name a role which is gone fail instead: that rule comes first, then its role comes back.
    gone = "there are all fifteen roles"
    blind = [] if broken(RULES[gone]) else [gone]
    database.run("alter role campaigns_gone rename to campaigns_worker;")
    return faults + told("every rule notices its own fault", blind + [rule for rule, query in RULES.items() if rule != gone and not broken(query)])


def visible(mine, database, service):
    """Tables of tenants of which the role sees rows although its transaction names no tenant."""
    names = database.run(
        f"with {ROLES} select schema || '.' || name from tables where service = '{service}' and has_tenant and not is_partition "
        f"and has_table_privilege('{service}_api', oid, 'select');").splitlines()
    return [name for name in names if mine.run(f"select count(*) from {name};") != "0"]


def succeeds(database, text):
    try:
        database.run(text + ";\n")
    except Failure:
        return False
    return True


def told(rule, faults):
    print(("ok    " if not faults else "FAULT ") + rule, *[f"\n        {fault}" for fault in faults], flush=True)
    return len(faults)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
