"""How long people wait who ask for leads: counts and pages of segments, the list, a campaign's progress."""

from dataclasses import dataclass

from bench.campaign_parts.measure import percentiles
from penguin.terminal import step

REQUESTS = 40
PAGE = 50
# Milliseconds that nobody waits longer than, 99 times of a hundred.
COUNT_LIMIT = 1_000
PAGE_LIMIT = 250


def filters(campaign):
    """Five ways to ask, each with what it is; `campaign` is one that has sent mails."""
    def condition(field, operator, value):
        return {"field": field, "operator": operator, "value": value}

    return {
        "one company of many": condition("company", "equals", "Company 17"),
        "a number of one's own between two": condition("custom.employees", "between", [100, 120]),
        "a choice, a time zone, not a domain": {"all": [
            condition("custom.tier", "equals", "gold"), condition("time_zone", "equals", "Europe/Oslo"),
            {"not": condition("email_domain", "equals", "d7.example")}]},
        "one of two parts of names": {"any": [condition("first_name", "starts_with", "zo"), condition("last_name", "contains", "berg")]},
        "enrolled in a campaign and opened": {"all": [condition("campaign", "in", [campaign]), condition("opened", "equals", True)]},
    }


@dataclass
class Questions:
    """Addresses to ask, by what they ask for."""

    counts: dict
    pages: dict

    @classmethod
    def of(cls, company, campaign):
        segments = {name: company.segment(name, filter) for name, filter in filters(campaign.id).items()}
        return cls(
            {f"segment count, {name}": f"/api/v1/segments/{segment}/count" for name, segment in segments.items()},
            {
                **{f"segment page, {name}": f"/api/v1/segments/{segment}/leads?limit={PAGE}" for name, segment in segments.items()},
                "list of leads": f"/api/v1/leads?workspace={company.workspace}&limit={PAGE}",
                "list of leads with a word": f"/api/v1/leads?workspace={company.workspace}&q=lead77&limit={PAGE}",
                "progress of a campaign": f"/api/v1/campaigns/{campaign.id}/progress",
            })

    def ask(self, reader, times):
        """Everything so many times; results as they come."""
        for paths, limit in ((self.counts, COUNT_LIMIT), (self.pages, PAGE_LIMIT)):
            for name, path in paths.items():
                with step(f"{name}, {times} times"):
                    waits = [reader.get(path)[0] for _ in range(times)]
                yield from percentiles(name, waits, limit)
