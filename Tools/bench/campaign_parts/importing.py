"""An import as a user makes it, beside \\copy of the same file into a table of the same columns."""

import time
from dataclasses import dataclass

from bench.campaign_parts.company import Company
from bench.campaign_parts.measure import ResidentMemory, beside
from bench.campaign_parts.people import COLUMNS
from penguin.terminal import Failure, step

ROUNDS = 2
# Times as long as \copy, and megabytes.
LONGEST = 2.5
LARGEST_GROWTH = 64

TABLE = """
create table bench.copied (
    tenant_id uuid not null default '{tenant}', email text not null, first_name text, last_name text, company text, time_zone text, city text,
    tier text, employees numeric, unique (tenant_id, email))
"""
# What an import cannot go below: the table of leads with its words for the search and all its indexes.
INDEXED = """
create table bench.copied (like campaigns.leads including all, city text, tier text, employees numeric);
alter table bench.copied alter tenant_id set default '{tenant}', alter id set default gen_random_uuid(), alter created_at set default now(),
    alter updated_at set default now()
"""


@dataclass
class Imports:
    """The best times, the memory of all, and the company whose leads are there now."""

    seconds: float
    copied: float
    # Once only: it takes long, and is there to understand the ratio.
    indexed: float
    growth: float
    most: float
    company: Company

    def results(self, rows):
        yield beside(f"import of {rows} rows beside \\copy (wanted: at most {LONGEST} times as long)", self.seconds, "s", self.copied)
        yield beside("the same, rows a second", rows / self.seconds, "rows/s", rows / self.copied)
        yield beside("the same beside \\copy into a table with the indexes of leads", self.seconds, "s", self.indexed)
        yield beside(f"memory of Campaigns while it imports, growth (at most {self.most:.0f} MB)", self.growth, "MB", LARGEST_GROWTH)

    @property
    def missed(self):
        """Goals that were not reached, in words."""
        if self.seconds > LONGEST * self.copied:
            yield f"The import takes {self.seconds / self.copied:.2f} times as long as \\copy."
        if self.growth > LARGEST_GROWTH:
            yield f"The import takes {self.growth:.0f} MB more memory."


def measure(ground, path, rows):
    """Each in turn, since on a shared machine the peer of one moment is not that of the next; every import into a company of its own."""
    copied, imported, memories = [], [], []
    for _ in range(ROUNDS):
        company = Company.found(ground)
        copied.append(_copy(ground, path, company.tenant, TABLE))
        seconds, memory = _import(ground, path, rows, company)
        imported.append(seconds)
        memories.append(memory)
    indexed = _copy(ground, path, company.tenant, INDEXED)
    return Imports(
        min(imported), min(copied), indexed, max(memory.growth for memory in memories), max(memory.most for memory in memories), company)


def _import(ground, path, rows, company):
    ground.sql.run("checkpoint")
    with step(f"Importing {rows} rows"), ResidentMemory(ground.process("campaigns")) as memory, open(path, "rb") as file:
        started = time.monotonic()
        answer = company.journey.api.upload(
            "/api/v1/imports", file, path.stat().st_size, "text/csv; charset=utf-8", workspace=company.workspace, duplicates="skip",
            file_name=path.name)
        seconds = time.monotonic() - started
    if (answer["status"], answer["created"], answer["rejected"], answer["duplicates"]) != ("completed", rows, 0, 0):
        raise Failure(f"The import did not take every row: {answer}")
    return seconds, memory


def _copy(ground, path, tenant, table):
    ground.sql.run(table.format(tenant=tenant), "checkpoint")
    with step("Copying the same file with \\copy" + (", all indexes there" if table == INDEXED else "")):
        started = time.monotonic()
        ground.sql.run(f"\\copy bench.copied ({', '.join(COLUMNS)}) from '{path}' with (format csv, header true)")
        seconds = time.monotonic() - started
    ground.sql.run("drop table bench.copied")
    return seconds
