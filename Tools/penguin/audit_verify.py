"""Checks a company's trail: every row is hashed again from its content, up to the signed root. It shares nothing with what wrote it.

Exit status 0: clean. 1: tampered with; `first_bad` names the row. 2: incomplete, nothing can be said.
"""

import argparse
import sys
from pathlib import Path

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from penguin import audit_database  # noqa: E402
from penguin.audit_export import check_export  # noqa: E402
from penguin.audit_findings import Incomplete, report  # noqa: E402
from penguin.audit_notes import BadNote, Checkpoint, read_keys  # noqa: E402
from penguin.audit_trail import Tree  # noqa: E402


def options(parser):
    parser.add_argument("--tenant", metavar="T", help="whose trail of the running stack; 00000000-0000-0000-0000-000000000000 is the platform's")
    parser.add_argument("--export", metavar="F", type=Path, help="check a file that was exported instead, without any database")
    parser.add_argument("--manifest", metavar="M", type=Path, help="the export's signed manifest, which a table (CSV) has apart")
    parser.add_argument("--key", metavar="K", help="the public keys, a line each, or a file with them (default: the stack's)")
    parser.add_argument("--since", metavar="C", type=Path, help="a checkpoint that was handed out earlier: the trail must still begin with it")
    parser.add_argument("--database", metavar="URL", help="another database than the stack's")


def run(chosen, stack_keys=None, stack_psql=None):
    """`stack_keys`: the file with the running stack's keys; `stack_psql` gives command and environment of its psql."""
    def check():
        keys = named_keys(chosen.key, stack_keys)
        tenant = audit_database.company(chosen.tenant) if chosen.tenant else None
        since = handed_out(chosen.since, keys) if chosen.since else None
        if chosen.export:
            return check_export(chosen.export, keys, read(chosen.manifest) if chosen.manifest else None, since, tenant)
        if tenant is None or chosen.manifest:
            raise Incomplete("name a company with --tenant, or a file with --export")
        if since is not None and since.tenant != tenant:
            raise Incomplete("the checkpoint is of another company")
        if not chosen.database and stack_psql is None:
            raise Incomplete("there is no database to look into: name one with --database")
        command, environment = (["psql", "-d", chosen.database], None) if chosen.database else stack_psql()
        return Tree(audit_database.read(command, environment, tenant), keys, tenant, since).check()
    return report(check)


def named_keys(named, stack_keys):
    """The keys of a file or a text."""
    if named is None and (stack_keys is None or not stack_keys.exists()):
        raise Incomplete("there is no key to verify with: name one with --key")
    try:
        keys = read_keys(read(stack_keys) if named is None else read(Path(named)) if is_file(named) else named)
    except ValueError as error:
        raise Incomplete(f"the key: {error}") from None
    if not keys:
        raise Incomplete("there is no key to verify with: the file is empty")
    return keys


def handed_out(path, keys):
    try:
        return Checkpoint(read(path), keys)
    except BadNote as error:
        raise Incomplete(f"the checkpoint that was handed out: {error}") from None


def read(path):
    return path.read_bytes().decode()


def is_file(named):
    """Text of several keys may be longer than the name of a file can be."""
    try:
        return Path(named).is_file()
    except (OSError, ValueError):
        return False


if __name__ == "__main__":
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options(arguments)
    sys.exit(run(arguments.parse_args()))
