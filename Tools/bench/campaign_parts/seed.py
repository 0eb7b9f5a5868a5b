"""Campaigns in the middle of their lives: enrolments, mails, counters and figures that fit together, made set-based."""

import time
from dataclasses import dataclass

from bench.campaign_parts.company import DAY, array
from penguin.terminal import Failure, step

CAMPAIGNS = 20
MAILBOXES = 5
# What one campaign has due at once, and how much of it is in a thread already.
DUE = 20_000
DUE_IN_THREAD = 2_000
# A claim takes 500 of each.
FEWEST_DUE = 500
# The campaign whose mails really go out, so that every statement on the way is seen.
SENT = 600
# Before any larger number of enrolments, and a prime: so each has its place, and neighbours have nothing in common.
SHUFFLE = 1_000_003
AGE = 60 * DAY


@dataclass(frozen=True)
class Campaign:
    id: str
    mailboxes: list


@dataclass(frozen=True)
class Mix:
    """How a campaign's enrolments stand."""

    size: int
    due_in_thread: int
    due_new: int

    @classmethod
    def ordinary(cls, size):
        """A tenth of them due at most."""
        due = min(DUE, size // 10)
        in_thread = max(FEWEST_DUE, due * DUE_IN_THREAD // DUE)
        return cls(size, in_thread, due - in_thread)

    @property
    def due(self):
        return self.due_in_thread + self.due_new

    @property
    def bounds(self):
        """Each part with the first place behind it; whoever has a place behind the last waits for the first mail until later."""
        bounds, end = [], 0
        for name, count in (
            ("due_in_thread", self.due_in_thread), ("due_new", self.due_new), ("replied", self.size // 20), ("finished", self.size // 10),
            ("in_thread", self.size // 10),
        ):
            end += count
            bounds.append((name, end))
        return bounds


def per_campaign(rows, enrolments):
    """How many enrolments each campaign has; a lead is in a campaign once."""
    size = min(enrolments // CAMPAIGNS, rows)
    if size // 10 < 2 * FEWEST_DUE:
        least = 20 * FEWEST_DUE
        raise Failure(f"Fewer than {least} enrolments a campaign measure nothing: take --rows {least} and --enrolments {least * CAMPAIGNS} or more.")
    return size


def seed(ground, company, rows, size):
    """Twenty campaigns, which nobody looks at before they are woken, and one whose mails can really be sent."""
    with step("Numbering the leads"):
        ground.sql.run(
            f"""create table bench.leads as select row_number() over (order by id) as number, id, time_zone
            from campaigns.leads where tenant_id = '{company.tenant}'""",
            "analyze bench.leads")
    mailboxes = company.mailboxes(ground, CAMPAIGNS * MAILBOXES)
    ordinary, campaigns = Mix.ordinary(size), []
    with step(f"Enrolling {size * (CAMPAIGNS + 1)} leads in {CAMPAIGNS + 1} campaigns"):
        for number in range(CAMPAIGNS + 1):
            is_sent = number == CAMPAIGNS
            own = [company.journey.sender] if is_sent else mailboxes[number * MAILBOXES:][:MAILBOXES]
            campaign = Campaign(company.campaign(f"Benchmark {number}", own), own)
            mix = Mix(size, SENT, SENT) if is_sent else ordinary
            ground.sql.run(*statements(company, campaign, number, mix, max(1, rows // size)))
            campaigns.append(campaign)
    with step("Figures of others"):
        ground.sql.run(OTHERS)
    with step("Vacuum and analysis"):
        ground.sql.run(*(f"vacuum analyze campaigns.{name}" for name in (
            "leads", "lead_workspaces", "enrolments", "enrolment_sends", "step_stats", "campaigns", "campaign_counters", "campaign_sequences")))
    return campaigns[:CAMPAIGNS], campaigns[CAMPAIGNS]


def statements(company, campaign, number, mix, stride):
    """What makes a draft a campaign that was launched two months ago."""
    mine = f"tenant_id = '{company.tenant}' and campaign_id = '{campaign.id}'"
    parts = " ".join(f"when place < {end} then '{name}'" for name, end in mix.bounds)
    # Identifiers as the service makes them: in the order of time, a millisecond a thousand.
    moment = int((time.time() - AGE) * 1_000) + number * 1_000_000
    return (
        f"""insert into campaigns.enrolments (tenant_id, id, campaign_id, lead_id, status, step, sequence_version, mailbox_id, time_zone,
            exit_reason, finished_at, due_at, created_at)
        select '{company.tenant}', (substr(hex, 1, 8) || '-' || substr(hex, 9, 4) || '-7' || substr(chance, 16))::uuid, '{campaign.id}', id,
            case when part in ('replied', 'finished') then part else 'waiting' end, case when has_mail then 3 else 1 end, 1,
            case when has_mail then ({array(campaign.mailboxes)})[1 + place % {len(campaign.mailboxes)}] end, time_zone,
            case part when 'replied' then 'replied' when 'finished' then 'sequence_done' end,
            case when part in ('replied', 'finished') then now() - interval '10 days' end,
            case when part like 'due%' then now() - interval '1 second' * (1 + place % 3600)
                when part in ('replied', 'finished') then now() - interval '10 days'
                else now() + interval '1 day' + interval '1 second' * (place % {30 * DAY}) end,
            now() - interval '{AGE} seconds'
        from (
            select *, part not in ('due_new', 'new') as has_mail from (
                select *, case {parts} else 'new' end as part from (
                    select id, time_zone, lpad(to_hex({moment} + position / 1000), 12, '0') as hex, gen_random_uuid()::text as chance,
                        position * {SHUFFLE} % {mix.size} as place
                    from (
                        select id, time_zone, row_number() over (order by number) as position from bench.leads
                        where (number + {number}) % {stride} = 0 order by number limit {mix.size}) chosen
                ) placed
            ) divided
        ) enrolled""",
        f"""insert into campaigns.enrolment_sends (tenant_id, enrolment_id, step, campaign_id, lead_id, variant, template_id, template_version,
            mailbox_id, state, version, planned_at, day, sent_at, opened_at, replied_at)
        select tenant_id, id, number, campaign_id, lead_id, 'A', '{company.template}', 1, mailbox_id, 'accepted', 1, sent_at,
            (sent_at at time zone 'UTC')::date, sent_at, case when uuid_hash(id) & 3 = 0 then sent_at + interval '1 hour' end,
            case when status = 'replied' then sent_at + interval '1 day' end
        from (
            select e.*, s.number,
                e.created_at + interval '1 hour' * (uuid_hash(e.id) & 1023) + interval '3 days' * (s.number / 3) as sent_at
            from campaigns.enrolments e join (values (1), (3)) s (number) on s.number = 1 or e.status = 'finished'
            where {mine} and mailbox_id is not null) mails""",
        f"""update campaigns.campaign_counters k set waiting = n.waiting, finished = n.finished, replied = n.replied
        from (select count(*) filter (where status = 'waiting') as waiting, count(*) filter (where status = 'finished') as finished,
            count(*) filter (where status = 'replied') as replied from campaigns.enrolments where {mine}) n
        where {mine}""",
        f"""insert into campaigns.step_stats (tenant_id, campaign_id, day, step, variant, sent, opened, replied)
        select tenant_id, campaign_id, day, step, variant, count(*), count(opened_at), count(replied_at)
        from campaigns.enrolment_sends where {mine} group by 1, 2, 3, 4, 5""",
        # Enrolled, and next looked at long after the benchmark.
        launched(company, campaign, "is_enrolled = true, next_at = '2100-01-01'"),
    )


def launched(company, campaign, more):
    """Makes a draft a running campaign."""
    return f"""update campaigns.campaigns set status = 'active', version = 2, revision = revision + 1, launched_at = now() - interval '{AGE} seconds',
        postal_address = 'Example Company, 1 Harbour Street, 8000 Example', {more}
        where tenant_id = '{company.tenant}' and id = '{campaign.id}'"""


# In a table of a few pages nobody would use an index.
OTHERS = """
insert into campaigns.step_stats (tenant_id, campaign_id, day, step, variant, sent)
select md5('tenant' || c % 500)::uuid, md5('campaign' || c)::uuid, current_date - d, 1, 'A', 100
from generate_series(1, 5000) c cross join generate_series(0, 59) d
"""
