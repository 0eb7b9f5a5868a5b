"""The closing table of the demo: what happened to every lead, and whether it all adds up."""

from collections import Counter

from penguin.journey import STATES
from penguin.terminal import table

# What the trail must name after the main job.
EXPECTED_ACTIONS = {
    "workspace.create", "mailbox.connect", "domain.add", "domain.verify", "import.finish", "template.create", "campaign.create", "campaign.launch",
}


def report(journey, progress, seconds, actions, chaos, base_url, expected=frozenset(EXPECTED_ACTIONS)):
    """Everything as one value; `problems` is empty when every lead and every mail is accounted for, and the trail names every `expected` act."""
    stored = journey.stored()
    leads = {name: journey.leads[name] for name in ("rows", "created", "updated", "duplicates", "rejected")}
    leads["reasons"] = dict(Counter(row["reason"] for row in journey.rejections))
    mails = {"total": progress["total"], **{state: progress[state] for state in STATES}, "in_store": len(stored)}
    mails |= {"seconds": round(seconds, 2), "per_second": round(progress["sent"] / seconds, 1)}
    problems = _lead_problems(leads) + _mail_problems(leads, mails, stored)
    problems += [f"the audit trail does not name {action}" for action in sorted(expected - set(actions))]
    if chaos:
        problems += [f"sending had ended before the fault: {name} (take a longer list)" for name in chaos.missed]
    return {
        "ok": not problems, "problems": problems, "leads": leads, "mails": mails, "audit_events": len(actions),
        "faults": chaos.applied if chaos else [],
        "urls": {
            "gateway": base_url, "status": f"{base_url}/api/v1/status", "progress": f"{base_url}/api/v1/campaigns/{journey.campaign}/progress",
            "audit": f"{base_url}/api/v1/audit/events",
        },
        "sign_in": {"email": journey.address, "password": journey.password},
        "mail_store": str(journey.maildir / "new") if journey.maildir else "",
    }


def _lead_problems(leads):
    accounted = leads["created"] + leads["updated"] + leads["duplicates"] + leads["rejected"]
    return [] if accounted == leads["rows"] else [f"{leads['rows']} rows were read, {accounted} are accounted for"]


def _mail_problems(leads, mails, stored):
    problems = []
    if mails["total"] != leads["created"]:
        problems.append(f"{leads['created']} leads were created, {mails['total']} are in the campaign")
    if sum(mails[state] for state in STATES) != mails["total"]:
        problems.append(f"the states do not sum to {mails['total']}")
    unfinished = sum(mails[state] for state in ("waiting", "queued", "deferred"))
    if unfinished:
        problems.append(f"{unfinished} mails are not finished")
    # A held mail is one of which nobody can know: it may be there, once.
    if not mails["sent"] <= len(stored) <= mails["sent"] + mails["held"]:
        problems.append(f"{mails['sent']} mails were sent and {mails['held']} held, {len(stored)} are in the store")
    for what, values in (("Message-ID", [mail.message_id for mail in stored]), ("recipient", [mail.recipients for mail in stored])):
        twice = [value for value, count in Counter(values).items() if count > 1]
        if twice:
            problems.append(f"{len(twice)} times the same {what} is in the store twice, such as {twice[0]}")
    return problems


def text(result):
    """The report for people."""
    leads, mails = result["leads"], result["mails"]
    reasons = ", ".join(f"{count} {reason}" for reason, count in sorted(leads["reasons"].items()))
    rows = [
        ("rows in the file", leads["rows"]),
        ("imported", leads["created"]),
        ("repeats skipped", leads["duplicates"]),
        ("rejected", f"{leads['rejected']}" + (f" ({reasons})" if reasons else "")),
        ("mails sent", mails["sent"]),
        ("bounced", f"{mails['bounced']}" + (" (the mail server knows no such recipient)" if mails["bounced"] else "")),
        ("failed", mails["failed"]),
        ("held", f"{mails['held']}" + (" (the line broke before the reply; never sent again by itself)" if mails["held"] else "")),
        ("in the mail server's store", mails["in_store"]),
        ("mails per second", f"{mails['per_second']} ({mails['seconds']} s)"),
        ("audit events", result["audit_events"]),
    ]
    rows += [("fault", f"{fault['fault']} at {fault['resolved']} of {fault['of']}") for fault in result["faults"]]
    rows += [(name, url) for name, url in result["urls"].items()]
    rows += [("sign in as", f"{result['sign_in']['email']}  {result['sign_in']['password']}"), ("mail store", result["mail_store"])]
    verdict = ["Every lead and every mail is accounted for."] if result["ok"] else ["Not everything is accounted for:"]
    return "\n".join([table(rows), "", *verdict, *[f"  - {problem}" for problem in result["problems"]]])
