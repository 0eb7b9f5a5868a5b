"""What the doctor asks of machine, network and servers; what it means is judged elsewhere."""

import email.utils
import json
import os
import resource
import shutil
import socket
import ssl
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
from datetime import datetime, timezone
from pathlib import Path

from penguin.postgres import psql_environment
from penguin.processes import program
from penguin.terminal import Failure

SECONDS = 5
_direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def free_space(path):
    while not path.exists():
        path = path.parent
    usage = shutil.disk_usage(path)
    return usage.free, usage.total


def available_memory():
    for line in Path("/proc/meminfo").read_text().splitlines():
        if line.startswith("MemAvailable:"):
            return int(line.split()[1]) * 1_024
    return 0


def open_files():
    return resource.getrlimit(resource.RLIMIT_NOFILE)[1] if resource.getrlimit(resource.RLIMIT_NOFILE)[1] != resource.RLIM_INFINITY else 2**20


def has_time_zones():
    return Path("/usr/share/zoneinfo/Europe/Oslo").exists()


def listens(host, port):
    """None when somebody answers there, else why not."""
    try:
        with socket.create_connection((host, int(port)), timeout=SECONDS):
            return None
    except (OSError, ValueError) as error:
        return str(error)


def query(values, role, statement):
    """Rows of one statement, as lists of text, as a role of the service whose settings these are."""
    kind = role.rpartition("_")[2].upper()
    command = [
        program("psql", "postgresql-client"), "-h", values.get("POSTGRES_HOST", "127.0.0.1"), "-p", values.get("POSTGRES_PORT", "5432"), "-U", role,
        "-d", values.get("POSTGRES_DATABASE", "penguinmails"), "-qAtX", "-F", "\x1f", "-v", "ON_ERROR_STOP=1", "-c", statement]
    environment = {**psql_environment(values.get(f"POSTGRES_{kind}_PASSWORD", "")), "PGOPTIONS": f"-c statement_timeout={SECONDS * 1_000}"}
    try:
        result = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=SECONDS * 4)
    except subprocess.TimeoutExpired:
        raise Failure("no answer in time") from None
    if result.returncode != 0:
        raise Failure(result.stderr.strip().splitlines()[0] if result.stderr.strip() else "psql failed")
    return [line.split("\x1f") for line in result.stdout.splitlines()]


def postgres_facts(values, role):
    """Version, settings and clock of the server."""
    names = "'fsync', 'full_page_writes', 'synchronous_commit', 'server_encoding', 'row_security', 'idle_in_transaction_session_timeout', " \
        "'max_connections', 'superuser_reserved_connections', 'server_version_num'"
    before = time.time()
    rows = query(values, role, f"select name, setting from pg_settings where name in ({names}) union all select 'now', extract(epoch from "
        f"clock_timestamp())::text")
    facts = dict(rows)
    there = float(facts.pop("now"))
    # What lies within the time of the question is no difference.
    facts["skew"] = min(0.0, there - before) + max(0.0, there - time.time())
    return facts


def role_attributes(values, role):
    columns = ("rolsuper", "rolbypassrls", "rolcreaterole", "rolcreatedb", "rolreplication")
    rows = query(values, role, f"select rolname, {', '.join(columns)} from pg_roles where rolname ~ '_(owner|api|worker)$'")
    return {row[0]: [name for name, value in zip(columns, row[1:]) if value == "t"] for row in rows}


def redis(host, port):
    """INFO as a dictionary, and the settings that matter where CONFIG may be asked."""
    def ask(line, *words):
        line.sendall(b"*%d\r\n" % len(words) + b"".join(b"$%d\r\n%s\r\n" % (len(word), word.encode()) for word in words))

    with socket.create_connection((host, int(port)), timeout=SECONDS) as line, line.makefile("rb") as reply:
        ask(line, "INFO")
        head = reply.readline().decode()
        if not head.startswith("$"):
            raise Failure(head.strip().lstrip("-"))
        text = reply.read(int(head[1:]) + 2).decode()
        settings = {}
        for name in ("maxmemory-policy", "appendonly"):
            ask(line, "CONFIG", "GET", name)
            head = reply.readline().decode()
            if not head.startswith("*"):
                break
            parts = [reply.read(int(reply.readline()[1:]) + 2)[:-2].decode() for _ in range(int(head[1:]))]
            settings.update(zip(parts[::2], parts[1::2]))
    return dict(part.split(":", 1) for part in text.splitlines() if ":" in part), settings


def ready(host, port):
    """Status and checks of /readyz."""
    try:
        with _direct.open(f"http://{host}:{port}/readyz", timeout=SECONDS) as answer:
            return answer.status, json.load(answer).get("checks", {})
    except urllib.error.HTTPError as error:
        try:
            return error.code, json.loads(error.read()).get("checks", {})
        except ValueError:
            return error.code, {}


def page(url, authority=None):
    """The headers of a page by lower-case name, and how far its clock is from ours."""
    context = ssl.create_default_context()
    if authority and Path(authority).exists():
        context.load_verify_locations(str(authority))
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=context))
    before = time.time()
    with opener.open(url, timeout=SECONDS) as answer:
        headers = {name.lower(): value for name, value in answer.headers.items()}
    after = time.time()
    date = email.utils.parsedate_to_datetime(headers["date"]).timestamp() if "date" in headers else None
    # Date has whole seconds: what lies within one is no difference.
    skew = 0.0 if date is None else max(0.0, before - 1 - date) - max(0.0, date - after)
    return headers, skew


def shown_certificate(host, port):
    """Names and end of the certificate that a server shows, whether or not anybody would trust it."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with socket.create_connection((host, port), timeout=SECONDS) as line, context.wrap_socket(line, server_hostname=host) as secured:
        return certificate(ssl.DER_cert_to_PEM_cert(secured.getpeercert(binary_form=True)))


def certificate(pem):
    """Names and end of the first certificate in a PEM text."""
    result = subprocess.run(
        ["openssl", "x509", "-noout", "-enddate", "-ext", "subjectAltName"], input=pem, capture_output=True, text=True)
    if result.returncode != 0:
        raise Failure("no certificate")
    ends, names = None, set()
    for line in result.stdout.splitlines():
        if line.startswith("notAfter="):
            ends = datetime.strptime(line[9:], "%b %d %H:%M:%S %Y %Z").replace(tzinfo=timezone.utc)
        names |= {part.partition(":")[2] for part in line.replace(",", " ").split() if part.startswith(("DNS:", "Address:"))}
    return names, ends


def public_part(private):
    """The public key of a private one, as a JWK has it; None when there is none."""
    from penguin.secrets_file import public_part as part

    try:
        return part(private)
    except Failure:
        return None


def addresses(host):
    try:
        return {entry[4][0] for entry in socket.getaddrinfo(host, None)}
    except OSError:
        return set()


def reverse(address):
    try:
        return socket.gethostbyaddr(address)[0]
    except OSError:
        return None


def read_settings(path):
    """Service → settings: of a folder with a file a service (`auth`, `auth.env`), or with a folder a service in which each file is a setting, or of
    one file that all five share. Lines are NAME=value, as `docker --env-file` and shells read them."""
    path = Path(path)
    if path.is_dir():
        from penguin.layout import SERVICES

        folders = [service for service in SERVICES if (path / service).is_dir()]
        if folders:
            return {service: _mounted(path / service) for service in folders}
        found = {service: next((path / name for name in (service, f"{service}.env") if (path / name).is_file()), None) for service in SERVICES}
        return {service: _variables(file.read_text()) for service, file in found.items() if file}
    if not path.is_file():
        raise Failure(f"There is no file or folder {path}.")
    from penguin.layout import SERVICES

    values = _variables(path.read_text())
    return {service: values for service in SERVICES}


def _mounted(folder):
    """What SETTINGS_FOLDER names: as secrets are mounted into a container."""
    return {file.name.upper().replace("-", "_"): file.read_text().strip() for file in folder.iterdir() if file.is_file() and not file.name.startswith(".")}


def _variables(text):
    values = {}
    for line in text.splitlines():
        line = line.strip().removeprefix("export ").strip()
        name, equals, value = line.partition("=")
        if equals and not line.startswith("#"):
            quoted = len(value) > 1 and value[0] == value[-1] and value[0] in "'\""
            values[name.strip()] = value[1:-1] if quoted else value
    return values


def can_write(folder):
    try:
        with tempfile.TemporaryFile(dir=folder):
            return True
    except OSError:
        return False


def owner_of_port(port):
    """Name and id of the process that listens there, as far as this user may know."""
    result = subprocess.run(["ss", "-Hltnp", f"sport = :{port}"], capture_output=True, text=True) if shutil.which("ss") else None
    users = result.stdout.partition('users:(("')[2] if result and result.returncode == 0 else ""
    return users.partition('"')[0] or None


def modified_days(path):
    return (time.time() - os.stat(path).st_mtime) / 86_400
