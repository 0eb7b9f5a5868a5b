"""./penguin doctor: everything that a deployer gets wrong, and what to do about each."""

import contextlib
import os
from pathlib import Path
from urllib.parse import urlsplit

from penguin import doctor_checks as checks
from penguin import doctor_finding as finding
from penguin import doctor_probes as probes
from penguin import doctor_settings as rules
from penguin import restore, secrets_file, services, settings, stack
from penguin.layout import SERVICES, Layout, read_json
from penguin.terminal import Failure


def options(command):
    command.add_argument("--env", metavar="PATH", help="the settings of a deployment: a folder with a file a service, or one file for all; default "
        "is the stack of this folder")
    command.add_argument("--compose", metavar="FOLDER", help="the folder that docker-compose.yml's setup job fills (/deal there); the servers "
        "are asked from here by the names in it")
    command.add_argument("--replicas", type=int, default=1, metavar="N", help="so many of each service share the database (default: 1)")
    command.add_argument("--json", action="store_true", help="print one JSON object")


def run(options):
    layout = Layout()
    if options.env or options.compose:
        values, local = probes.read_settings(options.env or options.compose), None
    else:
        values, local = _local(layout), layout
    if not values:
        raise Failure("There are no settings to look at. Start the stack once (./penguin up), or name them with --env.")
    found = examine(values, local, options.replicas)
    print(finding.as_json(found) if options.json else finding.as_table(found), flush=True)
    return finding.status(found)


def _local(layout):
    """What the services of this folder's stack are told, or would be told."""
    ports, passwords = read_json(layout.ports), read_json(layout.secrets)
    if not (ports and passwords):
        return {}
    wiring = services.local_wiring(layout, ports)
    return {service: {**services.inherited(service), **settings.environment(service, wiring, passwords)} for service in SERVICES}


def examine(values, layout, replicas=1):
    """All findings; the probes of what the settings get wrong are left out."""
    production = rules.is_production(values)
    found = host(layout)
    found += rules.required(values) + rules.base_url(values, production) + rules.ports(values) + rules.development(values, production)
    found += rules.passwords(values) + rules.stripe(values.get("billing", {}), production) + rules.mail(values)
    found += key_files(values, production)
    # A local stack that is down has nobody to ask; a deployment that does not answer is a finding.
    if layout is None or stack.RunningStack.find(layout):
        found += database(values, replicas) + redis(values) + running(values) + gateway(values, production, layout)
        found += outside(values, layout)
    if layout is not None:
        found += checks.build(services.configuration(), production)
    return found


def host(layout):
    folder = layout.folder if layout else Path("/")
    found = [
        checks.disk(folder, *probes.free_space(folder)), checks.memory(probes.available_memory()), checks.open_files(probes.open_files()),
        checks.time_zones(probes.has_time_zones())]
    if layout and not stack.RunningStack.find(layout):
        # `up` would take other ports, and links in mails that are out would lead to nobody.
        found += [
            checks.taken_port(name, port, probes.owner_of_port(port)) for name, port in read_json(layout.ports, {}).items()
            if probes.listens("127.0.0.1", port) is None]
    return found


def key_files(values, production):
    found, own, public = [], {}, set()
    for service, settings_ in values.items():
        path = Path(settings_.get("TOKEN_PRIVATE_KEY_FILE") or "/nonexistent")
        with _told(found, "keys.services", f"the private key of {service}",
                "Bring it back from a backup, or make one: ./penguin rotate-key services."):
            found += rules.file_mode("keys.mode", path, path.stat().st_mode & 0o7777, production)
            found += rules.age("keys.age", path, probes.modified_days(path))
            own[service] = probes.public_part(path)
        public.add(settings_.get("TOKEN_PUBLIC_KEYS_FILE"))
    for path in sorted(Path(name) for name in public if name):
        with _told(found, "keys.services", str(path), "Make it from the private keys: ./penguin up does."):
            found += rules.public_keys(path.name, path.read_text(), {service: part for service, part in own.items() if part})
    rings = {settings_.get("ENCRYPTION_KEYS_FILE") for settings_ in values.values()} - {None, ""}
    for path in sorted(map(Path, rings)):
        with _told(found, "keys.encryption", str(path), "Bring it back from a backup: without it mailboxes' passwords cannot be read."):
            found += rules.keyring(path.name, path.read_text())
            found += rules.file_mode("keys.mode", path, path.stat().st_mode & 0o7777, production)
            found += rules.age("keys.age", path, probes.modified_days(path))
    return found


@contextlib.contextmanager
def _told(found, code, what, do):
    """A probe that fails is a finding."""
    try:
        yield
    except (OSError, Failure, ValueError) as error:
        words = error.strerror if isinstance(error,
            OSError) and error.strerror else str(error).splitlines()[0] if str(error) else type(error).__name__
        found.append(finding.failure(code, f"{what}: {words}", do))


def database(values, replicas):
    found, known = [], restore.known_migrations()
    first = next(iter(values))
    with _told(found, "postgres.reach", "Postgres", "See whether it runs, and whether POSTGRES_HOST, _PORT and the passwords are right."):
        facts = probes.postgres_facts(values[first], f"{first}_worker")
        found += [checks.postgres_version(int(facts["server_version_num"])), checks.clock("Postgres",
            facts["skew"])] + checks.postgres_settings(facts)
        found += rules.connections(values, int(facts["max_connections"]), int(facts["superuser_reserved_connections"]), replicas)
        found += checks.roles(probes.role_attributes(values[first], f"{first}_worker"), secrets_file.ROLES)
    if any(one.code == "postgres.reach" for one in found):
        return found
    for service, own in values.items():
        with _told(found, "migrations", f"the schema of {service}", "Start the service: it makes its schema; or set POSTGRES_OWNER_PASSWORD right."):
            found.append(checks.migrations(service, dict(probes.query(own, f"{service}_owner", "select name, checksum from schema_migrations")),
                known[service]))
        with _told(found, "outbox", f"the outbox of {service}", "Set POSTGRES_WORKER_PASSWORD right."):
            row = probes.query(own, f"{service}_worker", "select coalesce(extract(epoch from now() - min(occurred_at)), 0), count(*), "
                               "(select count(*) from quarantined_events) from outbox where published_at is null")[0]
            found += checks.outbox(service, float(row[0]), int(row[1]), int(row[2]))
    if "delivery" in values:
        with _told(found, "queue", "the queue", "Set the password of delivery_worker right."):
            ask = lambda text: probes.query(values["delivery"], "delivery_worker", text)[0]  # noqa: E731
            overdue, seconds = ask("select count(*), coalesce(extract(epoch from now() - min(run_at)), 0) from (select run_at from jobs where state "
                "= 'queued' "
                                   "and run_at < now() - interval '1 hour' order by run_at limit 10000) j")
            ambiguous = ask("select count(*) from (select from sends where state = 'ambiguous' limit 10000) s")[0]
            has_list = ask("select to_regclass('uncertain_sends') is not null")[0] == "t"
            found += checks.queue(int(overdue), float(seconds), int(ambiguous), int(ask("select count(*) from uncertain_sends")[0]) if has_list
                else 0)
    return found


def redis(values):
    found = []
    for host, port in sorted({(own.get("REDIS_HOST", "127.0.0.1"), own.get("REDIS_PORT", "6379")) for own in values.values()}):
        with _told(found, "redis.reach", f"Redis at {host}:{port}", "See whether it runs, and whether REDIS_HOST and REDIS_PORT are right."):
            found += checks.redis(*probes.redis(host, port))
    return found


def running(values):
    """Each service, where its peers look for it."""
    found = []
    for service in SERVICES:
        urls = {own.get(f"{service.upper()}_RPC_URL") for own in values.values()} - {None, ""}
        for url in sorted(urls):
            parts = urlsplit(url)
            try:
                found.append(checks.readiness(service, *probes.ready(parts.hostname, parts.port or 80)))
            except (OSError, ValueError) as error:
                found.append(checks.readiness(service, 0, {}, error=str(getattr(error, "reason", error))))
    return found


def gateway(values, production, layout):
    found, url = [], next(iter(values.values())).get("PUBLIC_BASE_URL", "")
    parts = urlsplit(url)
    if not parts.hostname:
        return found
    if production:
        found.append(checks.name("PUBLIC_BASE_URL", parts.hostname, probes.addresses(parts.hostname)))
    with _told(found, "certificate", f"that of {parts.hostname}", "See whether the gateway runs and the name leads to it."):
        names, ends = probes.shown_certificate(parts.hostname, parts.port or 443)
        found.append(checks.certificate(parts.hostname, names, parts.hostname, ends))
    with _told(found, "gateway.reach", url, "Show a certificate that browsers trust, with its chain."):
        authority = layout.authority if layout else next(iter(values.values())).get("MAIL_CA_FILE") or values.get("auth", {}).get("MAIL_CA_FILE")
        headers, skew = probes.page(url + "/", authority)
        found += checks.headers(headers, production)
        found.append(checks.clock("the gateway", skew))
    folder = values.get("delivery", {}).get("DELIVERY_CERTIFICATES_FOLDER")
    for path in sorted(Path(folder).glob("*.pem")) if folder else []:
        with _told(found, "certificate", path.name, "Delivery gets a new one by itself when the file is gone; see its log."):
            names, ends = probes.certificate(path.read_text())
            found.append(checks.certificate(path.stem, names, path.stem, ends))
    return found


def outside(values, layout):
    """Servers that the settings name, and no others."""
    found = []
    hosts = {(own["MAIL_HOST"], own.get("MAIL_PORT", "587")) for own in values.values() if own.get("MAIL_HOST")}
    for host, port in sorted(hosts):
        found.append(checks.answers(f"mail server {host}:{port}", probes.listens(host, port),
            f"Let this machine out to port {port}, or correct MAIL_HOST and MAIL_PORT."))
    delivery = values.get("delivery", {})
    greeting = delivery.get("DELIVERY_DIRECT_NAME")
    if greeting:
        there = probes.addresses(greeting)
        found.append(checks.name("DELIVERY_DIRECT_NAME", greeting, there))
        own = [part.strip() for part in delivery.get("DELIVERY_DIRECT_ADDRESSES", "").split(",") if part.strip()] or sorted(there)
        found += [checks.reverse(greeting, address, probes.reverse(address)) for address in own]
    if delivery.get("TRACKING_CNAME_TARGET"):
        found.append(checks.name("TRACKING_CNAME_TARGET", delivery["TRACKING_CNAME_TARGET"], probes.addresses(delivery["TRACKING_CNAME_TARGET"])))
    folder = delivery.get("DELIVERY_CERTIFICATES_FOLDER")
    if folder and layout is not None and not (os.path.isdir(folder) and probes.can_write(folder)):
        found.append(finding.failure("certificate.folder", f"nothing can be written to {folder}", "Make the folder, owned by the user of Delivery."))
    return found
