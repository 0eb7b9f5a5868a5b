"""What probes found, judged: functions from values to findings."""

from datetime import datetime, timezone

from penguin.doctor_finding import failure, ok, warning
from penguin.restore import SHARED_STEP

GIB = 2**30


def disk(path, free, total):
    said = f"{free / GIB:.1f} of {total / GIB:.0f} GB free at {path}"
    if free < GIB or free < total / 50:
        return failure("host.disk", said, "Free some space: Postgres stops when it cannot write.")
    if free < 5 * GIB or free < total / 10:
        return warning("host.disk", said, "Free some space, or make the disk larger.")
    return ok("host.disk", said)


def memory(available):
    said = f"{available / GIB:.1f} GB of memory available"
    if available < GIB / 2:
        return failure("host.memory", said, "Give the machine more memory, or stop something else.")
    return warning("host.memory", said, "The five services and Postgres want 2 GB at least.") if available < 2 * GIB else ok("host.memory", said)


def open_files(limit):
    if limit < 4_096:
        return warning("host.open_files", f"a process may have {limit} files and sockets open", "Raise the limit (ulimit -n) to 65536.")
    return ok("host.open_files", f"{limit} files and sockets a process")


def time_zones(present):
    return ok("host.time_zones", "time zones are installed") if present else failure(
        "host.time_zones", "there is no zone Europe/Oslo on this machine", "Install tzdata: sending windows are in people's zones.")


def clock(source, seconds):
    """`seconds` between this clock and another one, without the time that the question took."""
    said = f"{abs(seconds):.1f} s from {source}"
    if abs(seconds) > 30:
        return failure("host.clock", said, "Set the clock (chrony, systemd-timesyncd): tokens of 60 seconds are refused.")
    if abs(seconds) > 2:
        return warning("host.clock", said, "Let something keep the clock right (chrony, systemd-timesyncd).")
    return ok("host.clock", said)


def taken_port(name, port, owner):
    return failure("host.port", f"port {port} of {name} is taken by {owner or 'another process'}", "Stop that, or give ours another port.")


def postgres_version(number):
    said = f"Postgres {number // 10_000}.{number % 10_000}"
    return ok("postgres.version", said) if number >= 150_000 else failure("postgres.version", said, "Use Postgres 15 or later.")


# Setting → what it must be, and why it matters here.
POSTGRES_MUST = {
    "fsync": ("on", "a crash of the machine would leave a ledger that nobody can trust"),
    "full_page_writes": ("on", "a crash of the machine would leave torn pages"),
    "synchronous_commit": ("on", "a mail could go out twice after a crash: its mark was told to be there and was not"),
}


def postgres_settings(values):
    found = []
    for name, (wanted, why) in POSTGRES_MUST.items():
        value = values.get(name)
        good = value == wanted or name == "synchronous_commit" and value in ("remote_write", "remote_apply")
        if not good:
            found.append(failure("postgres.durability", f"{name} is {value}: {why}", f"Set {name} = {wanted}."))
    if values.get("server_encoding") != "UTF8":
        found.append(failure("postgres.encoding", f"the database's encoding is {values.get('server_encoding')}", "Make it anew with UTF8."))
    if values.get("row_security", "on") != "on":
        found.append(failure("postgres.row_security", "row_security is off: requests fail", "Set row_security = on."))
    if int(values.get("idle_in_transaction_session_timeout") or 0) and int(values["idle_in_transaction_session_timeout"]) < 60_000:
        found.append(warning("postgres.timeouts", "transactions that wait are ended within a minute", "Raise idle_in_transaction_session_timeout."))
    return found or [ok("postgres.settings", "durable, UTF8, with row-level security")]


ATTRIBUTES = {
    "rolsuper": "superuser", "rolbypassrls": "BYPASSRLS", "rolcreaterole": "CREATEROLE", "rolcreatedb": "CREATEDB", "rolreplication": "REPLICATION"}


def roles(rows, wanted):
    """`rows`: role → its attributes that are set."""
    found = [
        failure(
            "postgres.roles", f"{role} has {', '.join(ATTRIBUTES[name] for name in attributes)}",
            f"alter role {role} nosuperuser nobypassrls nocreaterole nocreatedb noreplication;")
        for role, attributes in rows.items() if role in wanted and attributes]
    absent = [role for role in wanted if role not in rows]
    if absent:
        found.append(failure("postgres.roles", f"there is no role {', '.join(absent)}", "Run Tools/postgres/bootstrap.sql as a superuser."))
    return found or [ok("postgres.roles", f"{len(wanted)} roles, none that passes row-level security")]


def migrations(service, ran, known):
    """What a schema has against what these sources have: name → checksum. The step of what all services share is in no file."""
    ran = {name: checksum for name, checksum in ran.items() if not SHARED_STEP.fullmatch(name)}
    unknown, changed = sorted(ran.keys() - known.keys()), [name for name in ran if name in known and ran[name] != known[name]]
    missing = sorted(known.keys() - ran.keys())
    if unknown:
        return failure("migrations.unknown", f"{service} has {', '.join(unknown)}, which this version does not know",
            "Run the version that made them, or a later one.")
    if changed:
        return failure("migrations.changed", f"{service}: {', '.join(changed)} was changed after it ran", "Check out the file as it was released.")
    if missing:
        return warning("migrations.missing", f"{service} still lacks {', '.join(missing)}", "Start the service: it migrates before it serves.")
    return ok("migrations", f"{service} has all {len(ran)}")


def redis(information, settings):
    """`information`: of INFO; `settings`: of CONFIG GET, empty where that is not allowed."""
    version = tuple(int(part) for part in information.get("redis_version", "0").split(".")[:2])
    found = []
    if version < (6, 2):
        found.append(failure("redis.version", f"Redis {information.get('redis_version')}", "Use Redis 7: 6.2 is the oldest with XAUTOCLAIM."))
    policy = information.get("maxmemory_policy") or settings.get("maxmemory-policy")
    if policy != "noeviction":
        found.append(failure("redis.eviction", f"maxmemory-policy is {policy}: streams would vanish under load", "Set maxmemory-policy noeviction."))
    if settings.get("appendonly", "yes") != "yes" and information.get("aof_enabled") != "1":
        found.append(warning("redis.persistence", "Redis keeps nothing over a restart",
            "Set appendonly yes: nothing is lost without it, but everything is published again."))
    limit, used = int(information.get("maxmemory", 0)), int(information.get("used_memory", 0))
    if limit and used > limit * 0.8:
        found.append(warning("redis.memory", f"{used * 100 // limit} % of Redis' memory is used",
            "Raise maxmemory, and look at which stream is not read."))
    return found or [ok("redis", f"Redis {information.get('redis_version')}, noeviction")]


def certificate(what, names, wanted, ends, now=None):
    """`names` may begin with `*.`; `ends` is an instant with a zone."""
    left = (ends - (now or datetime.now(timezone.utc))).total_seconds() / 86_400
    if left < 0:
        return failure("certificate.expired", f"that of {what} ended {-left:.0f} days ago", "Renew it.")
    if wanted and not any(_covers(name, wanted) for name in names):
        return failure("certificate.name", f"that of {what} is for {', '.join(sorted(names)) or 'nobody'}, not for {wanted}",
            f"Get one for {wanted}.")
    if left < 7:
        return failure("certificate.ends", f"that of {what} ends in {left:.0f} days", "Renew it now, and find out why nobody did.")
    if left < 21:
        return warning("certificate.ends", f"that of {what} ends in {left:.0f} days", "Renew it.")
    return ok("certificate", f"that of {what} is good for {left:.0f} days")


def _covers(name, wanted):
    return name.lower() == wanted.lower() or name.startswith("*.") and wanted.partition(".")[2].lower() == name[2:].lower()


def answers(what, error, do):
    return ok("reach." + what.split()[0], f"{what} answers") if error is None else failure("reach." + what.split()[0],
        f"{what} does not answer: {error}", do)


def readiness(service, status, checks, error=None):
    """Of /readyz."""
    if error:
        return failure("service.down", f"{service} does not answer: {error}",
            f"Start it; its log says why it is not there (./penguin logs {service}).")
    missing = [name for name, good in checks.items() if not good]
    if status != 200 or missing:
        return failure("service.ready", f"{service} is not ready: {', '.join(missing) or status}", "Mend what it names; it becomes ready by itself.")
    return ok("service.ready", f"{service} is ready")


def outbox(service, seconds, rows, quarantined):
    found = []
    if seconds > 600:
        found.append(failure("outbox.lag", f"{service} has told nobody anything for {seconds:.0f} s ({rows} facts wait)",
            "See whether the service runs and reaches Redis."))
    elif seconds > 60:
        found.append(warning("outbox.lag", f"the oldest of {rows} facts of {service} waits for {seconds:.0f} s",
            "See whether Redis is slow or away."))
    if quarantined:
        found.append(warning("events.quarantined", f"{service} could not take {quarantined} facts",
            f"Read why: select source, type, reason from {service}.quarantined_events;"))
    return found or [ok("outbox", f"{service} is heard at once")]


def queue(overdue, seconds, ambiguous, uncertain):
    found = []
    if seconds > 3_600 and overdue:
        found.append(warning("queue.lag", f"{overdue} jobs are due, the oldest for {seconds / 3_600:.1f} h",
            "Look at /dashboard/system/queues: a paused queue, or mailboxes at their limits."))
    if ambiguous:
        found.append(warning("sends.ambiguous", f"{ambiguous} mails of unknown fate are held",
            "Their companies settle them (docs/operations.md, “After a restore”)."))
    if uncertain:
        found.append(warning("sends.uncertain", f"{uncertain} mails will be held when their turn comes, since a restore",
            "Nothing; see docs/operations.md, “After a restore”."))
    return found or [ok("queue", "nothing is overdue, no mail is of unknown fate")]


WANTED_HEADERS = {"content-security-policy": "default-src 'none'", "x-content-type-options": "nosniff", "x-frame-options": "DENY",
    "referrer-policy": "no-referrer"}


def headers(values, production):
    """Those of the console's page; names in lower case."""
    missing = [name for name, wanted in WANTED_HEADERS.items() if wanted not in values.get(name, "")]
    found = [failure("gateway.headers", f"{', '.join(missing)} is not as ours",
        "Let nothing between people and the gateway change its headers.")] if missing else []
    seconds = next((part.strip()[8:] for part in values.get("strict-transport-security", "").split(";") if part.strip().startswith("max-age=")), "0")
    if production and (not seconds.isdigit() or int(seconds) < 31_536_000):
        found.append(failure("gateway.hsts", f"browsers remember TLS for {seconds} s",
            "Set hsts_seconds to 63072000 for a public name (Tools/penguin/gateway.py)."))
    return found or [ok("gateway.headers", "policy, frames, types and TLS are as they should be")]


def name(what, host, addresses):
    return ok("dns.name", f"{host} ({what}) leads to {', '.join(sorted(addresses))}") if addresses else failure(
        "dns.name", f"{host} ({what}) is not in DNS", f"Publish an A or AAAA record for {host}.")


def reverse(host, address, back):
    if back is None:
        return failure("dns.ptr", f"{address} has no PTR record", f"Have whoever gave you the address set it to {host}: many servers refuse mail "
            f"without it.")
    if back.rstrip(".").lower() != host.lower():
        return failure("dns.ptr", f"{address} is {back}, mail greets as {host}", f"Have the PTR record set to {host}.")
    return ok("dns.ptr", f"{address} is {host}, both ways")


def build(configuration, production):
    if configuration == "debug" and production:
        return [failure("build.debug", "the services are debug builds", "Run release builds: PENGUIN_CONFIGURATION=release.")]
    return [ok("build", f"{configuration} builds")]
