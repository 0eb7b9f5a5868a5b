"""The verdict as a function of the facts: one line for each promise, with the figures it was judged by and what is wrong."""

from collections import Counter, defaultdict
from dataclasses import dataclass

ENDS = ("accepted", "refused", "suppressed", "ambiguous")
# What the mail server kept, whether it could say so or not.
KEPT = ("taken", "silent")
# Of each company, from its owner's way to the launched campaign.
ONCE = ("workspace.create", "domain.add", "import.finish", "campaign.create", "campaign.launch", "delivery_settings.change")
# Of many problems of one kind the first few are named.
NAMED = 3


@dataclass(frozen=True)
class Line:
    promise: str
    figures: str
    problems: tuple = ()

    @property
    def is_kept(self):
        return not self.problems


def verdict(facts):
    """The lines of the table."""
    record = _Record(facts["record"])
    companies = facts["companies"]
    return [
        _planned(companies), _ended(companies), _accepted(companies, record), _marked(companies, record),
        _once("no Message-ID twice under hold", [c for c in companies if c["policy"] == "hold"], record),
        _once("twice under resend only what was ambiguous", [c for c in companies if c["policy"] == "resend"], record),
        _suppressed(companies, record), _counters(companies), _queues(facts["queues"]), _quota(companies), _acts(companies),
        _trails(companies, facts["platform_trail"]), _events(facts["outbox"], facts["quarantined"]),
    ]


class _Record:
    """The mail server's lines by Message-ID."""

    def __init__(self, lines):
        self.by_id = defaultdict(list)
        self.unnamed = 0
        self.kept_to = Counter()
        for line in lines:
            if line["fate"] in KEPT:
                self.kept_to[line["to"]] += 1
            if line["id"]:
                self.by_id[line["id"]].append(line["fate"])
            elif line["fate"] in KEPT:
                self.unnamed += 1

    def copies(self, identifier):
        return sum(fate in KEPT for fate in self.by_id.get(identifier, ()))

    def has_said_taken(self, identifier):
        return "taken" in self.by_id.get(identifier, ())


def _line(promise, figures, problems):
    return Line(promise, figures, tuple(problems))


def _named(words, values):
    """At most one problem, with the first of what it is about."""
    values = list(values)
    return [f"{len(values)} {words}, such as {', '.join(str(value) for value in values[:NAMED])}"] if values else []


def _sends(companies):
    return [send for company in companies for send in company["sends"]]


def _states(company):
    return Counter(send["state"] for send in company["sends"])


def _planned(companies):
    leads, enrolled, sends, problems = 0, 0, 0, []
    for company in companies:
        # Whoever was taken out before the hand-over has no send.
        without = company["leads"] - len(company["sends"])
        taken_out = company["enrolments"].get("suppressed", 0) - _states(company)["suppressed"]
        leads, enrolled, sends = leads + company["leads"], enrolled + sum(company["enrolments"].values()), sends + len(company["sends"])
        if sum(company["enrolments"].values()) != company["leads"]:
            problems.append(f"{company['tenant']}: {company['leads']} leads, {sum(company['enrolments'].values())} enrolments")
        if without != taken_out:
            problems.append(f"{company['tenant']}: {without} leads have no send, {taken_out} were suppressed before one was planned")
    twice = [key for key, count in Counter(send["key"] for send in _sends(companies)).items() if count > 1]
    problems += _named("send keys stand twice in the ledger", twice)
    return _line("every lead is enrolled and planned once", f"{leads} leads, {enrolled} enrolments, {sends} sends", problems)


def _ended(companies):
    counts = Counter(send["state"] for send in _sends(companies))
    problems = _named("sends have no end", [f"{send['id']} ({send['state']})" for send in _sends(companies) if send["state"] not in ENDS])
    problems += _named(
        "sends are held although their company has them sent again",
        [send["id"] for company in companies if company["policy"] == "resend" for send in company["sends"] if send["state"] == "ambiguous"])
    return _line(
        "every send is accepted, refused, suppressed or ambiguous",
        ", ".join(f"{counts[state]} {state}" for state in ENDS if counts[state]), problems)


def _accepted(companies, record):
    accepted = [send for send in _sends(companies) if send["state"] == "accepted"]
    missing = [send["id"] for send in accepted if not record.has_said_taken(send["message_id"])]
    return _line(
        "nothing marked accepted is missing", f"{len(accepted)} accepted, {len(accepted) - len(missing)} of them taken by the mail server",
        _named("sends are marked accepted and were not taken", missing))


def _marked(companies, record):
    sends = {send["message_id"]: send for send in _sends(companies)}
    kept = [identifier for identifier in record.by_id if record.copies(identifier)]
    unknown = [identifier for identifier in kept if identifier not in sends]
    # A second try, of what was ambiguous, may be refused; the first copy is there all the same.
    unmarked = [
        sends[identifier]["id"] for identifier in kept
        if identifier in sends and sends[identifier]["state"] not in ("accepted", "ambiguous") and not sends[identifier]["ambiguities"]]
    problems = _named("Message-IDs were kept that belong to no send", unknown) + _named("sends were kept and are marked otherwise", unmarked)
    if record.unnamed:
        problems.append(f"{record.unnamed} mails were kept without a Message-ID")
    return _line("nothing in the mail server is unmarked", f"{len(kept)} Message-IDs kept", problems)


def _once(promise, companies, record):
    """A copy more than one is allowed for each time at which nobody could know; under hold nothing goes out again by itself."""
    copies, doubles, problems = 0, 0, []
    wrong = []
    for company in companies:
        for send in company["sends"]:
            count = record.copies(send["message_id"])
            copies += count
            doubles += count > 1
            if count > 1 + (send["ambiguities"] if company["policy"] == "resend" else 0):
                wrong.append(f"{send['id']} ({count} copies, {send['ambiguities']} times ambiguous)")
    problems += _named("sends arrived more often than they may", wrong)
    return _line(promise, f"{copies} copies, {doubles} sends with more than one", problems)


def _suppressed(companies, record):
    listed = [address for company in companies for address in company["listed"]]
    mailed = [address for address in listed if record.kept_to[address]]
    return _line("nobody on a suppression list was written to", f"{len(listed)} on lists", _named("listed people got a mail", mailed))


def _counters(companies):
    """Counters of the campaign, its enrolments counted anew, its own view of its mails, and the ledger."""
    problems, totals = [], Counter()
    for company in companies:
        counters, enrolments, ledger = company["counters"], company["enrolments"], _states(company)
        taken_out = company["leads"] - len(company["sends"])
        expected = {
            "total": company["leads"], "finished": ledger["accepted"], "held": ledger["ambiguous"], "suppressed": ledger["suppressed"] + taken_out,
            "bounced + failed": ledger["refused"], "waiting": 0, "queued": 0, "deferred": 0, "outstanding": 0,
            "stat_sent": ledger["accepted"] + ledger["ambiguous"], "stat_refused": ledger["refused"],
        }
        for name, value in expected.items():
            found = counters["bounced"] + counters["failed"] if name == "bounced + failed" else counters[name]
            if found != value:
                problems.append(f"{company['tenant']}: {name} is {found}, the ledger says {value}")
        for name in ("waiting", "queued", "deferred", "finished", "held", "bounced", "failed", "suppressed"):
            counted = enrolments.get(name, 0) + (enrolments.get("handing_over", 0) if name == "waiting" else 0)
            if counters[name] != counted:
                problems.append(f"{company['tenant']}: {name} is {counters[name]}, {counted} enrolments are")
        theirs = Counter(company["campaign_states"])
        differing = {state: (theirs[state], ledger[state]) for state in ("accepted", "refused", "ambiguous") if theirs[state] != ledger[state]}
        if differing:
            problems.append(f"{company['tenant']}: Campaigns and the ledger say of mails {differing}")
        if counters["status"] != "completed":
            problems.append(f"{company['tenant']}: the campaign is {counters['status']}")
        totals.update({name: counters[name] for name in ("finished", "held", "bounced", "failed", "suppressed")})
    return _line("counters sum: campaigns, enrolments, ledger", ", ".join(f"{count} {name}" for name, count in totals.items()), problems)


def _queues(queues):
    problems = [
        f"{row['queue']}: {name} is {row[name]}, {row[name + '_rows']} rows are" for row in queues for name in ("active", "waiting", "failed")
        if row[name] != row[name + "_rows"]]
    return _line("counters of queues are those of their rows", f"{len(queues)} queues", problems)


def _quota(companies):
    problems, used = [], 0
    for company in companies:
        quota, ledger = company["quota"], _states(company)
        # A mail uses one of its company's mails, however often it was tried.
        spent = ledger["accepted"] + ledger["refused"] + ledger["ambiguous"]
        used += quota["used"]
        counts = {"used": quota["used"], "used by reservations": quota["reservations_used"], "told by Delivery": quota["delivery_used"]}
        for name, found in counts.items():
            if found != spent:
                problems.append(f"{company['tenant']}: {name} {found}, the ledger says {spent}")
        if quota["reserved"] or quota["reservations_open"]:
            problems.append(f"{company['tenant']}: {quota['reserved']} still reserved, {quota['reservations_open']} in open reservations")
    return _line("quotas are right", f"{used} used", problems)


def _acts(companies):
    """Each thing that was made stands in the trail once, and what was answered was made."""
    problems, made_in_all, answered = [], 0, 0
    for company in companies:
        acts = company["acts"]
        made, told = set(acts["made"]), Counter(acts["told"])
        made_in_all, answered = made_in_all + len(made), answered + len(acts["answered"])
        who = company["tenant"]
        problems += _named(f"acts of {who} are not in the trail", sorted(made - set(told)))
        problems += _named(f"entries of {who} tell of what was never done", sorted(set(told) - made))
        problems += _named(f"acts of {who} stand in the trail more than once", sorted(act for act, count in told.items() if count > 1))
        problems += _named(f"acts of {who} were answered and are lost", sorted(set(acts["answered"]) - made))
        problems += [f"{who}: {company['actions'].get(action, 0)} times {action}" for action in ONCE if company["actions"].get(action, 0) != 1]
    return _line("the audit trail is complete", f"{made_in_all} acts under faults and before, {answered} of them answered", problems)


def _trails(companies, platform):
    trails = [(company["tenant"], company["trail"]) for company in companies] + [("the platform", platform)]
    problems = [f"{who}: {trail['why']}" for who, trail in trails if not trail["is_clean"]]
    return _line("the audit trail verifies", f"{len(trails)} trees, {sum(trail.get('events', 0) for _, trail in trails)} entries", problems)


def _events(outbox, quarantined):
    problems = [f"{service} has {count} events that not every reader has acknowledged" for service, count in outbox.items() if count]
    problems += [f"{service} could not take {count} events" for service, count in quarantined.items() if count]
    return _line("every event was heard", f"{sum(outbox.values())} left, {sum(quarantined.values())} set aside", problems)
