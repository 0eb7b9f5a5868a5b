"""The five services as components: their executables, their settings here, and how one knows that they are ready."""

import os
import urllib.error
import urllib.request

from penguin.component import Component
from penguin.layout import SERVICES, build_folder
from penguin.settings import Wiring, environment
from penguin.terminal import Failure

# Past any proxy of the environment: the services are on this machine.
_direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))

# What a service may know of the shell that started it.
INHERITED = (
    "PATH", "HOME", "LANG", "TZ", "LD_LIBRARY_PATH", "LOG_LEVEL", "DELIVERY_LEASE_SECONDS", "DELIVERY_WORKER_SLOTS",
    "DELIVERY_CONNECTIONS_PER_MAILBOX", "ASAN_OPTIONS", "TSAN_OPTIONS", "OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_HEADERS",
    "OTEL_TRACES_SAMPLER_ARG",
)
# What Delivery may be told of each provider of mailboxes.
OAUTH = ("CLIENT_ID", "CLIENT_SECRET_FILE", "ISSUER", "AUTHORIZE_URL", "TOKEN_URL", "REVOKE_URL", "KEYS_URL", "SCOPES", "SMTP", "IMAP")
# What only one of them may know of it.
INHERITED_BY = {
    "billing": (
        "STRIPE_API_BASE", "STRIPE_SECRET_KEY", "STRIPE_PUBLISHABLE_KEY", "STRIPE_WEBHOOK_SECRET", "STRIPE_CONNECT_WEBHOOK_SECRET",
        "STRIPE_CONNECT_APPLICATION_FEE_PERCENT", "STRIPE_PORTAL_CONFIGURATION",
    ),
    "delivery": (
        "ACME_DIRECTORY_URL", "ACME_CONTACT", "ACME_TERMS_AGREED", "ACME_CA_FILE", "TRACKING_CNAME_TARGET",
        *(f"DELIVERY_OAUTH_{provider}_{name}" for provider in ("GOOGLE", "MICROSOFT") for name in OAUTH),
    ),
}


def configuration():
    """`debug` or `release`: which build is run."""
    return os.environ.get("PENGUIN_CONFIGURATION", "debug")


def executable(service):
    return build_folder() / configuration() / service.capitalize()


def components(layout, ports, passwords):
    absent = [service for service in SERVICES if not executable(service).exists()]
    if absent:
        raise Failure(f"There is no {configuration()} build of {', '.join(absent)}. Run ./penguin up without --no-build.")
    return [component(service, layout, ports, passwords) for service in SERVICES]


def component(service, layout, ports, passwords, instance="1"):
    """One service, on the ports that are its own."""
    values = {**inherited(service), **environment(service, local_wiring(layout, ports), passwords), "SERVICE_INSTANCE": instance}
    return Component(
        service, [str(executable(service))], layout.log(service), missing=lambda _: _missing(values["INTERNAL_PORT"]), environment=values,
        start_seconds=60, stop_seconds=30)


def inherited(service):
    """What a service is told of the shell that started it; an account at Stripe is Billing's alone."""
    return {name: os.environ[name] for name in INHERITED + INHERITED_BY.get(service, ()) if name in os.environ}


def local_wiring(layout, ports):
    """Everything on this machine."""
    def addresses(side):
        return {service: ("127.0.0.1", ports[f"{service}_{side}"]) for service in SERVICES}

    return Wiring(
        base_url=base_url(ports), gateway_url=base_url(ports), postgres=("127.0.0.1", ports["postgres"]), redis=("127.0.0.1", ports["redis"]),
        mail=("localhost", ports["mail"]), dns=("127.0.0.1", ports["dns"]), public=addresses("public"), internal=addresses("internal"),
        peers=addresses("peers"), bind="127.0.0.1",
        keys=layout.keys, authority=layout.authority, tracking_certificates=layout.tracking_certificates)


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
