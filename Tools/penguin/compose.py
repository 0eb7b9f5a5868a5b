"""The one-shot job of docker-compose.yml: keys, certificates, passwords, the gateway's configuration and the API's description, into a shared volume.

    python3 -m penguin.compose /run/penguin

Run again, it keeps what is there, so that data and passwords stay together.
"""

import os
import sys
from pathlib import Path

from penguin import certificates, gateway, openapi_pages, secrets_file
from penguin.layout import SERVICES, write_private
from penguin.routes import RouteTable
from penguin.settings import Wiring, environment

PUBLIC, INTERNAL, MAIL, GATEWAY, GATEWAY_PLAIN = 8080, 9090, 5870, 8443, 8000
# The certificates of tracking hosts: Delivery writes them, the workers of the nginx image read them by their group.
TRACKING, NGINX_GROUP = Path("/tracking"), 101
# The user that services and mail server run as; the Dockerfile makes it.
OWNER = 10_001


def prepare(folder, published_port, names=()):
    keys, held, mail, variables, postgres = (folder / name for name in ("keys", "certificates", "mail", "env", "postgres"))
    for path in (keys, held, mail, variables, postgres):
        path.mkdir(parents=True, exist_ok=True)
    passwords = secrets_file.passwords(folder / "secrets.json")
    secrets_file.make_keys(keys)
    secrets_file.write_mail_users(mail / "users.json", passwords)
    authority = folder / "ca.pem"
    certificates.make(authority, held, {"gateway": ["localhost", "127.0.0.1", "gateway"], "mail": ["mail", "localhost"]})
    wiring = Wiring(
        base_url=f"https://localhost:{published_port}", gateway_url=f"https://gateway:{GATEWAY}", postgres=("postgres", 5432), redis=("redis", 6379),
        mail=("mail", MAIL), dns=None, public={service: (service, PUBLIC) for service in SERVICES},
        internal={service: (service, INTERNAL) for service in SERVICES}, peers={service: (service, INTERNAL) for service in SERVICES}, bind="0.0.0.0",
        keys=keys, authority=authority,
        tracking_certificates=TRACKING)
    for service in SERVICES:
        lines = [f"export {name}='{value}'\n" for name, value in environment(service, wiring, passwords).items()]
        write_private(variables / service, "".join(lines))
    write_private(postgres / "password", passwords["postgres"])
    write_private(postgres / "roles.sql", secrets_file.role_passwords(passwords) + "\\i /bootstrap.sql\n")
    place = gateway.Place(
        listen=str(GATEWAY), upstreams={service: f"{service}:{PUBLIC}" for service in SERVICES}, certificate=held / "gateway.pem",
        key=held / "gateway.key", run=Path("/tmp"), console=Path("/console"), description=openapi_pages.write(folder / "openapi"), user="nginx",
        hsts_seconds=300, names=("localhost", "127.0.0.1", *names), plain_listen=str(GATEWAY_PLAIN), https_port=int(published_port),
        tracking_certificates=TRACKING)
    (folder / "nginx.conf").write_text(gateway.configuration(RouteTable.load(), place))
    if os.getuid() == 0:
        # A fresh volume belongs to root.
        for path in (folder, *folder.rglob("*")):
            os.chown(path, OWNER, OWNER)
        if TRACKING.is_dir():
            os.chown(TRACKING, OWNER, NGINX_GROUP)
            # Files in it belong to the same group.
            TRACKING.chmod(0o2750)


if __name__ == "__main__":
    prepare(Path(sys.argv[1]), os.environ.get("GATEWAY_PORT", str(GATEWAY)), os.environ.get("GATEWAY_NAMES", "").split())
