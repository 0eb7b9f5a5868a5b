"""The one-shot job of docker-compose.yml: makes keys, certificates, passwords and settings once, and gives each container its own and no other's.

    python3 -m penguin.compose /secrets /deal

The first folder keeps everything and is this job's alone. The second has a folder for each container, mounted there as /run/penguin. Run again, what
was made stays, so that data and passwords stay together.
"""

import os
import shutil
import sys
from dataclasses import dataclass, field
from pathlib import Path

from penguin import certificates, gateway, openapi_pages, secrets_file
from penguin.layout import SERVICES, write_private
from penguin.routes import RouteTable
from penguin.settings import Wiring, environment
from penguin.terminal import Failure

PUBLIC, INTERNAL, MAIL, GATEWAY, GATEWAY_PLAIN = 8080, 9090, 5870, 8443, 8000
# Where a container finds what is its own.
OWN = Path("/run/penguin")
# The certificates of tracking hosts: Delivery writes them, the gateway's workers read them by their group.
TRACKING = Path("/tracking")
# Users of the images: of the services and the mail server, of nginx, of Postgres.
PENGUIN, NGINX, POSTGRES = 10_001, 101, 999
# The name server of every compose network.
RESOLVER = "127.0.0.11"
# A development stack may reach what stands beside it; a deployment keeps the defaults, which are strict.
DEVELOPMENT_ONLY = ("AUDIT_WEBHOOK_REACH", "DELIVERY_SMTP_REACH", "DELIVERY_WEBHOOK_REACH", "DELIVERY_WEBHOOK_CA_FILE", "DELIVERY_DOMAINS_REQUIRED", "MAIL_CA_FILE")
# How a deployment hands mail about accounts to somebody who delivers it.
MAIL_SETTINGS = ("MAIL_HOST", "MAIL_PORT", "MAIL_SECURITY", "MAIL_USERNAME", "MAIL_PASSWORD", "MAIL_FROM", "MAIL_CA_FILE")


@dataclass(frozen=True)
class Deployment:
    """What whoever starts the stack says of it."""

    base_url: str = f"https://localhost:{GATEWAY}"
    # Further names of the gateway; under any other there are only customers' links.
    names: tuple = ()
    is_production: bool = False
    mail: dict = field(default_factory=dict)

    @classmethod
    def read(cls, variables):
        given = {name: variables[name] for name in MAIL_SETTINGS if variables.get(name)}
        mode = variables.get("PENGUIN_MODE") or "development"
        if mode not in ("development", "production"):
            raise Failure(f"PENGUIN_MODE is {mode}; it is development or production.")
        if mode == "production":
            missing = [name for name in ("PUBLIC_BASE_URL", "MAIL_HOST", "MAIL_PORT", "MAIL_FROM") if not variables.get(name)]
            if missing:
                raise Failure(f"A production stack also needs {', '.join(missing)}.")
        return cls(
            variables.get("PUBLIC_BASE_URL") or f"https://localhost:{variables.get('GATEWAY_PORT') or GATEWAY}",
            tuple(variables.get("GATEWAY_NAMES", "").split()), mode == "production", given)

    @property
    def port(self):
        return int(self.base_url.rpartition(":")[2]) if self.base_url.count(":") == 2 else 443


def prepare(secrets, deal, deployment):
    """Makes what is missing and deals it out: `deal/<container>/…`."""
    keys, held = secrets / "keys", secrets / "certificates"
    for path in (keys, held):
        path.mkdir(parents=True, exist_ok=True)
    passwords = secrets_file.passwords(secrets / "secrets.json")
    secrets_file.make_keys(keys)
    authority = secrets / "ca.pem"
    host = deployment.base_url.partition("://")[2].partition(":")[0]
    certificates.make(
        authority, held, {"gateway": sorted({"localhost", "127.0.0.1", "gateway", host, *deployment.names}), "mail": ["mail", "localhost"]})
    for service in SERVICES:
        folder = _folder(deal / service)
        for name, value in settings(service, deployment, passwords).items():
            write_private(folder / name.lower().replace("_", "-"), value)
        own = _folder(folder / "keys")
        for name in (f"{service}.pem", "services.jwks", "encryption.json", *(["trail.json", "trail.pub"] if service == "audit" else [])):
            shutil.copyfile(keys / name, own / name)
            (own / name).chmod(0o600)
        shutil.copyfile(authority, own / "ca.pem")
        _give(folder, PENGUIN)
    _deal_to_postgres(_folder(deal / "postgres"), passwords)
    _deal_to_mail(_folder(deal / "mail"), held, passwords)
    _deal_to_gateway(_folder(deal / "gateway"), held, deployment)
    # Whoever looks from outside must trust the authority.
    shutil.copyfile(authority, _folder(deal / "public") / "ca.pem")
    (deal / "public" / "ca.pem").chmod(0o644)


def settings(service, deployment, passwords):
    """The settings of a service, as it finds them in its container."""
    wiring = Wiring(
        base_url=deployment.base_url, gateway_url=f"https://gateway:{GATEWAY}", postgres=("postgres", 5432), redis=("redis", 6379),
        mail=("mail", MAIL), dns=None, public={name: (name, PUBLIC) for name in SERVICES}, internal={name: (name, INTERNAL) for name in SERVICES},
        peers={name: (name, INTERNAL) for name in SERVICES}, bind="0.0.0.0", keys=OWN / "keys", authority=OWN / "keys" / "ca.pem", tracking_certificates=TRACKING)
    values = environment(service, wiring, passwords)
    # A replica's name is that of its container.
    del values["SERVICE_INSTANCE"]
    if deployment.is_production:
        values = {name: value for name, value in values.items() if name not in DEVELOPMENT_ONLY}
        if "MAIL_HOST" in values:
            values = {name: value for name, value in values.items() if name not in MAIL_SETTINGS} | deployment.mail
        if service == "audit":
            # It looks at the gateway under the name of the inner network, with our own authority's certificate.
            values["MAIL_CA_FILE"] = deployment.mail.get("MAIL_CA_FILE", str(wiring.authority))
    return {name: value for name, value in values.items() if value}


def _deal_to_postgres(folder, passwords):
    write_private(folder / "password", passwords["postgres"])
    write_private(folder / "roles.sql", secrets_file.role_passwords(passwords) + "\\i /bootstrap.sql\n")
    _give(folder, POSTGRES)


def _deal_to_mail(folder, held, passwords):
    secrets_file.write_mail_users(folder / "users.json", passwords)
    write_private(folder / "mailbox-users", f"demo:{{PLAIN}}{passwords['mail_demo']}\n")
    for name in ("mail.pem", "mail.key"):
        shutil.copyfile(held / name, folder / name)
    _give(folder, PENGUIN)


def _deal_to_gateway(folder, held, deployment):
    for name in ("gateway.pem", "gateway.key"):
        shutil.copyfile(held / name, folder / name)
        (folder / name).chmod(0o600)
    openapi_pages.write(folder / "openapi")
    place = gateway.Place(
        listen=str(GATEWAY), upstreams={service: f"{service}:{PUBLIC}" for service in SERVICES}, certificate=OWN / "gateway.pem",
        key=OWN / "gateway.key", run=Path("/tmp"), console=Path("/console"), description=OWN / "openapi",
        hsts_seconds=63_072_000 if deployment.is_production else 300, names=("localhost", "127.0.0.1", *deployment.names, *_host(deployment)),
        plain_listen=str(GATEWAY_PLAIN), https_port=deployment.port, tracking_certificates=TRACKING, resolver=RESOLVER)
    (folder / "nginx.conf").write_text(gateway.configuration(RouteTable.load(), place))
    _give(folder, NGINX)


def _host(deployment):
    host = deployment.base_url.partition("://")[2].partition(":")[0]
    return () if host in ("localhost", "127.0.0.1", *deployment.names) else (host,)


def _folder(path):
    path.mkdir(parents=True, exist_ok=True)
    return path


def _give(folder, owner):
    """To the user of its container; a fresh volume belongs to root."""
    if os.getuid() == 0:
        for path in (folder, *folder.rglob("*")):
            os.chown(path, owner, owner)


def main():
    prepare(Path(sys.argv[1]), Path(sys.argv[2]), Deployment.read(os.environ))
    if TRACKING.is_dir() and os.getuid() == 0:
        os.chown(TRACKING, PENGUIN, NGINX)
        # Files in it belong to the same group.
        TRACKING.chmod(0o2750)


if __name__ == "__main__":
    try:
        main()
    except Failure as failure:
        sys.exit(f"penguin: {failure}")
