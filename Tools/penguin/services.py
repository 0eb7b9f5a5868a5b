"""The five services as components: their settings and how one knows that they are ready."""

import os
import urllib.error
import urllib.request

from penguin.component import Component
from penguin.layout import ROOT, SERVICES
from penguin.mail import DOMAIN
from penguin.postgres import DATABASE
from penguin.terminal import Failure

# Past any proxy of the environment: the services are on this machine.
_direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))

# What a service may know of the shell that started it.
INHERITED = ("PATH", "HOME", "LANG", "TZ", "LD_LIBRARY_PATH", "LOG_LEVEL", "DELIVERY_LEASE_SECONDS", "DELIVERY_WORKER_SLOTS")


def configuration():
    """`debug` or `release`: which build is run."""
    return os.environ.get("PENGUIN_CONFIGURATION", "debug")


def executable(service):
    return ROOT / ".build" / configuration() / service.capitalize()


def components(layout, ports, passwords):
    absent = [service for service in SERVICES if not executable(service).exists()]
    if absent:
        raise Failure(f"There is no {configuration()} build of {', '.join(absent)}. Run ./penguin up without --no-build.")
    return [_component(service, layout, ports, passwords) for service in SERVICES]


def _component(service, layout, ports, passwords):
    internal = ports[f"{service}_internal"]
    return Component(
        service, [str(executable(service))], layout.log(service), missing=lambda _: _missing(internal),
        environment=environment(service, layout, ports, passwords), start_seconds=60, stop_seconds=30)


def environment(service, layout, ports, passwords):
    """Every setting of one service, as environment variables."""
    values = {name: os.environ[name] for name in INHERITED if name in os.environ}
    values |= {
        "SERVICE_INSTANCE": "1",
        "PUBLIC_HOST": "127.0.0.1",
        "PUBLIC_PORT": ports[f"{service}_public"],
        "INTERNAL_HOST": "127.0.0.1",
        "INTERNAL_PORT": ports[f"{service}_internal"],
        "PUBLIC_BASE_URL": base_url(ports),
        "POSTGRES_HOST": "127.0.0.1",
        "POSTGRES_PORT": ports["postgres"],
        "POSTGRES_DATABASE": DATABASE,
        "REDIS_HOST": "127.0.0.1",
        "REDIS_PORT": ports["redis"],
        "TOKEN_PRIVATE_KEY_FILE": layout.keys / f"{service}.pem",
        "TOKEN_PUBLIC_KEYS_FILE": layout.keys / "services.jwks",
        "ENCRYPTION_KEYS_FILE": layout.keys / "encryption.json",
    }
    values |= {f"POSTGRES_{kind.upper()}_PASSWORD": passwords[f"{service}_{kind}"] for kind in ("owner", "api", "worker")}
    values |= {f"{peer.upper()}_RPC_URL": f"http://127.0.0.1:{ports[f'{peer}_internal']}" for peer in SERVICES}
    values |= _own(service, layout, ports, passwords)
    return {name: str(value) for name, value in values.items()}


def _own(service, layout, ports, passwords):
    """What only this service needs."""
    if service == "auth":
        return {
            "MAIL_HOST": "localhost", "MAIL_PORT": ports["mail"], "MAIL_SECURITY": "starttls", "MAIL_USERNAME": "system",
            "MAIL_PASSWORD": passwords["mail_system"], "MAIL_FROM": f"no-reply@{DOMAIN}", "MAIL_CA_FILE": layout.authority,
        }
    if service == "delivery":
        return {"MAIL_CA_FILE": layout.authority}
    if service == "audit":
        # Asked as people ask it: through TLS, which trusts our authority.
        return {"GATEWAY_URL": base_url(ports), "MAIL_CA_FILE": layout.authority}
    return {}


def base_url(ports):
    return f"https://localhost:{ports['gateway']}"


def _missing(port):
    try:
        with _direct.open(f"http://127.0.0.1:{port}/readyz", timeout=3) as answer:
            return None if answer.status == 200 else f"/readyz says {answer.status}"
    except urllib.error.HTTPError as error:
        return f"/readyz says {error.code}: {error.read(500).decode(errors='replace')}"
    except OSError as error:
        return f"/readyz cannot be asked: {error}"
