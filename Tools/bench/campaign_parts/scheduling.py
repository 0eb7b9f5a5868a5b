"""Enrolments a second that one process of Campaigns decides and hands over, beside a bare loop in SQL; and everything that it does, once."""

import time

from bench.campaign_parts import plans
from bench.campaign_parts.company import array
from bench.campaign_parts.seed import Campaign, launched
from penguin.terminal import Failure, step, wait_until

# Enough that a connection's statements are prepared, and planned for good if the planner wants that.
REPETITIONS = 8
ENROLLED_LATE = 20_000
PATIENCE = 600

# As few statements as scheduling can do with: claim 500, say so, and put a decision and a job beside each; one commit.
BARE = """
create procedure bench.rounds(tenant uuid, workspace uuid, asked uuid[], template uuid, mailbox uuid) language plpgsql as $$
declare
    one uuid;
    ids uuid[];
    hand_over uuid;
begin
    foreach one in array asked loop
        loop
            select array_agg(id) into ids from (
                select id from campaigns.enrolments where tenant_id = tenant and campaign_id = one and status = 'waiting'
                    and mailbox_id is not null and due_at <= now()
                order by due_at, id limit 500 for no key update skip locked) p;
            if ids is null then
                select array_agg(id) into ids from (
                    select id from campaigns.enrolments where tenant_id = tenant and campaign_id = one and status = 'waiting'
                        and mailbox_id is null and due_at <= now()
                    order by due_at, id limit 500 for no key update skip locked) p;
            end if;
            exit when ids is null;
            hand_over := gen_random_uuid();
            update campaigns.enrolments set status = 'queued', mailbox_id = coalesce(mailbox_id, mailbox)
            where tenant_id = tenant and id = any(ids);
            insert into campaigns.enrolment_sends (tenant_id, enrolment_id, step, campaign_id, lead_id, hand_over_id, variant, template_id,
                template_version, mailbox_id, state, planned_at)
            select tenant_id, id, step, campaign_id, lead_id, hand_over, 'A', template, 1, mailbox_id, 'queued', now()
            from campaigns.enrolments where tenant_id = tenant and id = any(ids);
            insert into delivery.jobs (id, queue, kind, tenant_id, workspace_id, campaign_id, enrolment_id, lane_id, priority, run_at, created_at)
            select gen_random_uuid(), 'queue:email-sending', 'benchmark.bare', tenant_id, workspace, campaign_id, id, mailbox_id, 100, now(), now()
            from campaigns.enrolments where tenant_id = tenant and id = any(ids);
            commit;
        end loop;
    end loop;
end $$
"""


def explain(ground, company, reader, questions, sent, rows):
    """The plans of all that Campaigns does, from a question and the enroller to Delivery's last word about the mails of `sent`."""
    segment = company.segment("For the enroller", {"field": "custom.tier", "operator": "equals", "value": "gold"})
    late = [
        Campaign(company.campaign("Enrolled late", []), []),
        Campaign(company.campaign("Enrolled late by a segment", [], {"kind": "segment", "id": segment}), [])]
    with plans.Explained(ground) as explained:
        for _ in questions.ask(reader, REPETITIONS):
            pass
        with step("Enrolling the last leads of a workspace and of a segment"):
            # Where a million have been enrolled before; without a mailbox nobody of them is mailed.
            start = max(1, rows - ENROLLED_LATE)
            ground.sql.run(*(
                launched(company, campaign, f"enrol_cursor = (select id from bench.leads where number = {start})") for campaign in late))
            _wait(ground, "The enrolling", f"select bool_and(is_enrolled) from campaigns.campaigns where id = any({_ids(late)})")
        with step("Sending a campaign's mails"):
            ground.sql.run(f"update campaigns.campaigns set next_at = now() where tenant_id = '{company.tenant}' and id = '{sent.id}'")
            mine = f"tenant_id = '{company.tenant}' and campaign_id = '{sent.id}'"
            _wait(
                ground, "The sending", f"""select outstanding = 0 and not exists (
                    select from campaigns.enrolments where {mine} and status = 'waiting' and due_at <= now())
                from campaigns.campaign_counters where {mine}""")
    return explained.plans


def loop_rate(ground, company, campaigns, due):
    """Enrolments a second, from the moment at which the campaigns are due until Delivery has the last of `due` mails of each."""
    ground.sql.run("update delivery.job_queues set paused_at = now(), pause_reason = 'benchmark'", "checkpoint")
    mine = f"tenant_id = '{company.tenant}' and campaign_id = any({_ids(campaigns)})"
    wanted = len(campaigns) * due
    with step(f"Scheduling {wanted} enrolments"):
        ground.sql.run(f"update campaigns.campaigns set next_at = now() where tenant_id = '{company.tenant}' and id = any({_ids(campaigns)})")
        started = time.monotonic()
        while (queued := int(ground.sql.value(f"select sum(queued) from campaigns.campaign_counters where {mine}"))) < wanted:
            if time.monotonic() - started > PATIENCE:
                reasons = ground.sql.value(
                    f"select string_agg(distinct waiting_reason, ', ') from campaigns.campaigns where id = any({_ids(campaigns)})")
                raise Failure(f"{queued} of {wanted} enrolments were handed over within {PATIENCE} s; the campaigns wait for: {reasons or 'nothing'}")
            # Seldom, since looking costs the database what scheduling needs.
            time.sleep(0.25)
        return wanted / (time.monotonic() - started)


def bare_rate(ground, company, campaigns, due):
    """The same number of rows moved by a procedure in the database."""
    ground.sql.run(BARE, "checkpoint")
    call = f"call bench.rounds('{company.tenant}', '{company.workspace}', {_ids(campaigns)}, '{company.template}', '{campaigns[0].mailboxes[0]}')"
    wanted = len(campaigns) * due
    with step(f"Moving {wanted} enrolments in SQL"):
        started = time.monotonic()
        ground.sql.run("set enable_seqscan = off", call)
        seconds = time.monotonic() - started
    moved = int(ground.sql.value(
        f"""select count(*) from campaigns.enrolments where tenant_id = '{company.tenant}' and campaign_id = any({_ids(campaigns)})
        and status = 'queued'"""))
    if moved != wanted:
        raise Failure(f"The procedure moved {moved} of {wanted} enrolments.")
    return wanted / seconds


def _ids(campaigns):
    return array([campaign.id for campaign in campaigns])


def _wait(ground, what, question):
    wait_until(what, lambda: ground.sql.value(question) == "t", PATIENCE, 0.25)
