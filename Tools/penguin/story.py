"""All that one request caused: lines of the gateway's and the services' logs, entries of the audit trail, campaigns, mails and their tries.

A request has a name (X-Request-ID) and stands in a trace; what it caused later knows the trace. Whichever of the two is asked for, the log says the
other."""

import json
import re
import subprocess
import sys
from dataclasses import dataclass, field

from penguin import stack
from penguin.layout import Layout, read_json
from penguin.postgres import psql_command, psql_environment
from penguin.terminal import Failure, say

NAME = re.compile(r"[0-9A-Za-z_-]{8,64}")
TRACE = re.compile(r"[0-9a-f]{32}")
# Of a campaign's mails nobody reads thousands: they are counted by what became of them.
MOST_MAILS = 20
# Shown in front, or of no use to somebody who reads.
QUIET = {"request_id", "trace_id", "span_id"}


@dataclass(order=True)
class Moment:
    """Something that happened: when, where, what, and all that is known of it."""

    at: str
    place: str
    what: str
    known: dict = field(default_factory=dict, compare=False)

    def line(self):
        more = " ".join(f"{name}={value}" for name, value in self.known.items() if value not in (None, "") and name not in QUIET)
        return f"{self.at[:23]:<23}  {self.place:<10} {self.what}{'  ' + more if more else ''}"


def asked_for(text):
    """The name of a request or of a trace; of a whole traceparent its trace."""
    parts = text.strip().split("-")
    if len(parts) == 4 and TRACE.fullmatch(parts[1]):
        return parts[1]
    if not NAME.fullmatch(text.strip()):
        raise Failure(f"{text!r} is not the name of a request: it stands in the header X-Request-ID of each answer, and in each problem.")
    return text.strip()


def read(files, name):
    """The lines that belong to it, and all names that it has: the request's own and those of its traces."""
    names, found = {name}, {}
    while True:
        before = set(names)
        for file in files:
            for place, line in _lines(file, names):
                found[line] = place
                own = _names(json.loads(line))
                names |= own
        if names == before:
            moments = [_moment(json.loads(line), place) for line, place in found.items()]
            return sorted(moments), names


def _lines(file, names):
    with open(file, errors="replace") as lines:
        for line in lines:
            line = line.strip()
            if not any(name in line for name in names):
                continue
            # Compose puts the container's name in front.
            start = line.find("{")
            try:
                value = json.loads(line[start:]) if start >= 0 else None
            except ValueError:
                continue
            if isinstance(value, dict) and _names(value) & names:
                yield value.get("service") if "label" in value else "gateway", line[start:]


def _names(line):
    members = {**line, **line["metadata"]} if isinstance(line.get("metadata"), dict) else line
    return {members[name] for name in ("request_id", "trace_id") if isinstance(members.get(name), str) and members[name]}


def _moment(line, place):
    if "label" not in line:
        what = f"{line.get('method', '')} {line.get('path', '')} {line.get('status', '')}".strip()
        return Moment(_utc(line["at"]), "gateway", what, {"seconds": line.get("seconds"), "service": line.get("service")})
    return Moment(_utc(line["at"]), place or "", f"{line['level']}: {line['message']}", {**line.get("metadata", {}), "error": line.get("error")})


def _utc(text):
    """As the services write it; nginx has whole seconds and +00:00."""
    return text.replace("+00:00", "").rstrip("Z")


def told(rows):
    """What the database knows, as moments: `rows` are objects with `part`, as the queries below make them."""
    moments, mails = [], []
    for row in rows:
        part = row.pop("part")
        if part == "trail":
            moments.append(Moment(_utc(row.pop("at")), "trail", f"{row.pop('action')}: {row.pop('outcome')}", row))
        elif part == "campaign":
            moments.append(Moment(_utc(row.pop("at")), "campaigns", f"campaign launched, now {row.pop('status')}", row))
        elif part == "mail":
            mails.append(row)
        elif part == "try":
            moments.append(Moment(_utc(row.pop("at")), "delivery", f"try of a job: {row.pop('message')}", row))
    if len(mails) > MOST_MAILS:
        counts = {}
        for mail in mails:
            counts[mail["state"]] = counts.get(mail["state"], 0) + 1
        first = min(mail["at"] for mail in mails)
        moments.append(Moment(_utc(first), "delivery", f"{len(mails)} mails", dict(sorted(counts.items()))))
    else:
        moments += [Moment(_utc(mail.pop("at")), "delivery", f"mail {mail.pop('state')}", mail) for mail in mails]
    return moments


def _texts(names):
    # Checked by NAME: letters, digits, hyphens.
    return "array[" + ",".join(f"'{name}'" for name in sorted(names)) + "]::text[]"


def queries(names):
    """One query a part, each giving JSON objects; the database sees no more of them than it has to (a time limit stands around it)."""
    safe = {name for name in names if NAME.fullmatch(name)}
    traces = _texts(f"00-{name}-%" for name in safe if TRACE.fullmatch(name))
    instant = "to_char({} at time zone 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.MS')"
    return [
        f"""select json_build_object('part', 'trail', 'at', {instant.format('e.occurred_at')}, 'action', e.action, 'outcome', e.outcome,
            'id', e.id, 'actor', e.actor_kind || ':' || e.actor_id, 'source', e.source)
            from audit.trail_events e where e.request = any({_texts(safe)}) or e.trace like any({traces}) limit 1000""",
        f"""select json_build_object('part', 'campaign', 'at', {instant.format('c.launched_at')}, 'status', c.status, 'campaign', c.id)
            from campaigns.campaigns c where c.launch_trace like any({traces}) limit 100""",
        f"""select json_build_object('part', 'mail', 'at', {instant.format('coalesce(s.resolved_at, s.created_at)')}, 'state', s.state,
            'send', s.id, 'code', s.reply_code, 'attempts', j.attempt, 'job', j.state, 'campaign', s.campaign_id)
            from delivery.jobs j join delivery.sends s on s.tenant_id = j.tenant_id and s.id = j.id
            where j.payload->>'traceparent' like any({traces}) limit 100000""",
        f"""select json_build_object('part', 'try', 'at', {instant.format('l.at')}, 'message', split_part(l.message, ':', 1), 'level', l.level,
            'job', l.job_id, 'attempt', l.attempt)
            from delivery.jobs j join delivery.job_logs l on l.tenant_id = j.tenant_id and l.job_id = j.id
            where j.payload->>'traceparent' like any({traces}) order by l.at limit 200""",
    ]


def ask(command, environment, names):
    """The rows, by psql."""
    rows = []
    for query in queries(names):
        result = subprocess.run(
            [*command, "-v", "ON_ERROR_STOP=1", "-q", "-A", "-t", "-c", f"set statement_timeout = '30s'; {query}"], env=environment,
            capture_output=True, text=True, timeout=60)
        if result.returncode:
            raise Failure(result.stderr.strip().split("\n")[0])
        rows += [json.loads(line) for line in result.stdout.splitlines() if line.startswith("{")]
    return rows


def run(options):
    """`./penguin logs --request ID`."""
    layout = Layout()
    name = asked_for(options.request)
    files = options.files or sorted(str(file) for file in layout.logs.glob("*.log"))
    moments, names = read(files, name)
    state, passwords = read_json(layout.state), read_json(layout.secrets)
    if state and passwords and stack.is_ready(layout):
        moments += told(ask(psql_command(state["ports"]["postgres"], "postgres"), psql_environment(passwords["postgres"]), names))
    else:
        say("  The stack is not up: only the logs are looked through.")
    if not moments:
        raise Failure(f"Nothing is known of {name}.")
    say(f"  {', '.join(sorted(names))}")
    for moment in sorted(moments):
        print(json.dumps({"at": moment.at, "place": moment.place, "what": moment.what, **moment.known}) if options.json else moment.line())
    sys.stdout.flush()
    return 0
