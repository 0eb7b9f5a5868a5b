"""What deploy/kubernetes needs beside its manifests: secrets, made once on the operator's machine, and the gateway's configuration, made in its pod.

    PYTHONPATH=Tools python3 -m penguin.kubernetes secrets deploy/kubernetes/secrets
    python3 -m penguin.kubernetes gateway /run/penguin app.example.com
"""

import argparse
from pathlib import Path

from penguin import gateway, openapi_pages, secrets_file
from penguin.compose import GATEWAY, GATEWAY_PLAIN, PUBLIC
from penguin.layout import SERVICES, write_private
from penguin.routes import RouteTable

# What a service is told as a secret, beside the passwords of its roles; empty means that it is not set up.
MORE = {
    "auth": ("REDIS_PASSWORD", "MAIL_PASSWORD", "MAIL_LOOPS_KEY", "OPENID_GOOGLE_CLIENT_SECRET", "OPENID_MICROSOFT_CLIENT_SECRET"),
    "billing": ("REDIS_PASSWORD", "STRIPE_SECRET_KEY", "STRIPE_PUBLISHABLE_KEY", "STRIPE_WEBHOOK_SECRET", "STRIPE_CONNECT_WEBHOOK_SECRET"),
    "campaigns": ("REDIS_PASSWORD",),
    "delivery": ("REDIS_PASSWORD",),
    "audit": ("REDIS_PASSWORD", "MAIL_PASSWORD"),
}


def make_secrets(folder):
    """Passwords, keys and the SQL of the roles; what is there stays, so that running it again changes nothing."""
    keys = folder / "keys"
    keys.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o700)
    known = secrets_file.passwords(folder / "passwords.json")
    secrets_file.make_keys(keys)
    for service in SERVICES:
        path = folder / f"{service}.env"
        if not path.exists():
            lines = [f"POSTGRES_{kind.upper()}_PASSWORD={known[f'{service}_{kind}']}\n" for kind in ("owner", "api", "worker")]
            write_private(path, "".join(lines + [f"{name}=\n" for name in MORE[service]]))
    write_private(folder / "roles.sql", secrets_file.role_passwords(known))


def make_gateway(folder, names):
    """nginx.conf and the description of the API, for a pod in which the certificate is mounted at /run/certificate."""
    place = gateway.Place(
        listen=str(GATEWAY), upstreams={service: f"{service}:{PUBLIC}" for service in SERVICES}, certificate=Path("/run/certificate/tls.crt"),
        key=Path("/run/certificate/tls.key"), run=Path("/tmp"), console=Path("/console"), description=openapi_pages.write(folder / "openapi"),
        names=tuple(names), plain_listen=str(GATEWAY_PLAIN))
    (folder / "nginx.conf").write_text(gateway.configuration(RouteTable.load(), place))


def main(arguments=None):
    parser = argparse.ArgumentParser(prog="python3 -m penguin.kubernetes", description=__doc__.splitlines()[0])
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("secrets", help="make secrets in a folder").add_argument("folder", type=Path)
    configured = commands.add_parser("gateway", help="make the gateway's configuration in a folder")
    configured.add_argument("folder", type=Path)
    configured.add_argument("names", nargs="+", help="host names under which the whole is served")
    options = parser.parse_args(arguments)
    if options.command == "secrets":
        make_secrets(options.folder)
    else:
        make_gateway(options.folder, options.names)


if __name__ == "__main__":
    main()
