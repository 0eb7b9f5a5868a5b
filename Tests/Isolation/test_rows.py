"""Row-level security, asked of the database itself: what a service's request role sees and may write, with no company named and with each of two."""

import json
import subprocess
import unittest

import place  # noqa: F401
import companies
import rows
from ground import ground
from penguin.layout import SERVICES
from penguin.postgres import psql_command, psql_environment

REFUSED = "violates row-level security policy"


class Session:
    """Statements as one service's request role, in one transaction that is rolled back."""

    def __init__(self, service):
        self._role = f"{service}_api"

    def run(self, statements, tenant=None):
        """The lines of the answers; raises `subprocess.CalledProcessError` with the server's words."""
        chosen = [f"select set_config('nile.tenant_id', '{tenant}', true)"] if tenant else []
        text = "begin; " + "; ".join([*chosen, *statements]) + "; rollback"
        command = psql_command(ground().ports["postgres"], self._role) + ["-qAtX", "-v", "ON_ERROR_STOP=1", "-f", "-"]
        result = subprocess.run(command, env=psql_environment(ground().secrets[self._role]), input=text, capture_output=True, text=True, check=True)
        return [line for line in result.stdout.splitlines() if line][len(chosen):]

    def words(self, statements, tenant=None):
        """What the server said against a statement; nothing when it took it."""
        try:
            self.run(statements, tenant)
        except subprocess.CalledProcessError as error:
            return error.stderr
        return ""


class Rows(unittest.TestCase):
    maxDiff = None

    @classmethod
    def setUpClass(cls):
        cls.theirs, cls.ours = companies.full(), companies.asking()
        cls.tables = {service: _reachable(service) for service in SERVICES}

    def test_every_service_has_tables_that_its_requests_can_reach(self):
        for service, tables in self.tables.items():
            self.assertGreater(sum("SELECT" in rights for rights in tables.values()), 3, service)

    def test_without_a_company_there_is_no_row(self):
        # There is something to see.
        self.assertGreater(len(rows.picture(self.theirs)), 50)
        seen = {}
        for service, tables in self.tables.items():
            names = [table for table, rights in tables.items() if "SELECT" in rights]
            for table, count in zip(names, Session(service).run([f"select count(*) from {table}" for table in names]), strict=True):
                if count != "0":
                    seen[f"{service}_api: {table}"] = count
        self.assertEqual(seen, {})

    def test_a_company_sees_its_own_rows_all_of_them_and_no_others(self):
        wrong = []
        for company in (self.theirs, self.ours):
            for service, tables in self.tables.items():
                names = [table for table, rights in tables.items() if "SELECT" in rights]
                statements = [
                    f"select count(*) filter (where {key(table)} = '{company.tenant}') || ' ' || count(*) filter (where {key(table)} is distinct from '{company.tenant}') from {table}"
                    for table in names]
                whole = ground().sql("; ".join(f"select count(*) from {table} where {key(table)} = '{company.tenant}'" for table in names))
                for table, seen, there in zip(names, Session(service).run(statements, company.tenant), whole, strict=True):
                    own, others = seen.split()
                    # The whole is counted a moment apart: rows may come meanwhile, but none of others.
                    if others != "0" or (int(own) == 0) != (int(there) == 0):
                        wrong.append(f"{service}_api: {table}: {own} of {there} rows, and {others} of others")
        self.assertEqual(wrong, [])

    def test_nobody_changes_or_removes_rows_of_another_company(self):
        wrong = []
        for service, tables in self.tables.items():
            for table, rights in tables.items():
                for tenant in (None, self.ours.tenant):
                    statements = []
                    column = rights.get("UPDATE")
                    if column and "SELECT" in rights:
                        statements.append(f"with done as (update {table} set {column} = {column} where {key(table)} = '{self.theirs.tenant}' returning 1) select count(*) from done")
                    if "DELETE" in rights and "SELECT" in rights:
                        statements.append(f"with done as (delete from {table} where {key(table)} = '{self.theirs.tenant}' returning 1) select count(*) from done")
                    if statements and set(Session(service).run(statements, tenant)) != {"0"}:
                        wrong.append(f"{service}_api: {table} for {tenant}")
        self.assertEqual(wrong, [])

    def test_nobody_writes_rows_for_another_company(self):
        """A row of theirs is put in again as it is: the policy must refuse it before any other rule can."""
        wrong, tried = [], 0
        for service, tables in self.tables.items():
            for table, rights in tables.items():
                row = _row(table, self.theirs.tenant)
                columns = [name for name in rights.get("INSERT", ()) if row and name in row]
                if not columns or key(table) not in columns:
                    continue
                named = ", ".join(f'"{name}"' for name in columns)
                quoted = json.dumps(row).replace("'", "''")
                statement = f"insert into {table} ({named}) select {named} from jsonb_populate_record(null::{table}, '{quoted}')"
                for tenant in (None, self.ours.tenant):
                    tried += 1
                    words = Session(service).words([statement], tenant)
                    if REFUSED not in words:
                        wrong.append(f"{service}_api: {table} for {tenant}: {words.strip() or 'taken'}")
        self.assertEqual(wrong, [])
        self.assertGreater(tried, 40)


def key(table):
    return "id" if table == "public.tenants" else "tenant_id"


def _reachable(service):
    """Tables with rows of companies in which a service's request role may do something: table → SELECT, UPDATE (a column), DELETE, INSERT (columns)."""
    role = f"{service}_api"
    reachable = {}
    names = ", ".join(f"'{table}'" for table in [*rows.tables(), "public.tenants"])
    query = f"""
        select json_build_object(
            'table', t.name,
            'select', has_table_privilege('{role}', t.name, 'select'),
            'delete', has_table_privilege('{role}', t.name, 'delete'),
            'update', (select min(attname) from pg_attribute a where a.attrelid = t.name::regclass and attnum > 0 and not attisdropped and attgenerated = ''
                       and attname not in ('tenant_id', 'id') and has_column_privilege('{role}', attrelid, attnum, 'update')),
            'insert', (select json_agg(attname) from pg_attribute a where a.attrelid = t.name::regclass and attnum > 0 and not attisdropped and attgenerated = ''
                       and attidentity <> 'a' and has_column_privilege('{role}', attrelid, attnum, 'insert')))::text
        from unnest(array[{names}]) as t (name)
        where has_schema_privilege('{role}', split_part(t.name, '.', 1), 'usage')"""
    for line in ground().sql(" ".join(query.split())):
        facts = json.loads(line)
        rights = {}
        if facts["select"]:
            rights["SELECT"] = True
        if facts["delete"]:
            rights["DELETE"] = True
        if facts["update"]:
            rights["UPDATE"] = facts["update"]
        if facts["insert"]:
            rights["INSERT"] = facts["insert"]
        if rights:
            reachable[facts["table"]] = rights
    return reachable


def _row(table, tenant):
    found = ground().sql(f"select to_jsonb(x)::text from {table} x where {key(table)} = '{tenant}' limit 1")
    return json.loads(found[0]) if found else None


if __name__ == "__main__":
    unittest.main()
