"""The settings of the services, as environment variables: the same whether they run here or in containers."""

from dataclasses import dataclass
from pathlib import Path

from penguin.layout import SERVICES
from penguin.mail import DOMAIN
from penguin.postgres import DATABASE


@dataclass(frozen=True)
class Wiring:
    """Where everything is, as the services see it; an address is a host and a port."""

    base_url: str
    gateway_url: str
    postgres: tuple
    redis: tuple
    mail: tuple
    # The server that Delivery asks about domains; None where nobody publishes any, and then campaigns start without.
    dns: tuple
    # Service → address of its listener for the gateway, and of the one for its peers.
    public: dict
    internal: dict
    # What the listeners bind to.
    bind: str
    # Service → address at which its peers ask for it.
    peers: dict
    keys: Path
    authority: Path
    # Where Delivery writes the certificates of tracking hosts, for the gateway.
    tracking_certificates: Path


def environment(service, wiring, passwords):
    """Every setting of one service."""
    values = {
        "SERVICE_INSTANCE": "1",
        "PUBLIC_HOST": wiring.bind,
        "PUBLIC_PORT": wiring.public[service][1],
        "INTERNAL_HOST": wiring.bind,
        "INTERNAL_PORT": wiring.internal[service][1],
        "PUBLIC_BASE_URL": wiring.base_url,
        "POSTGRES_HOST": wiring.postgres[0],
        "POSTGRES_PORT": wiring.postgres[1],
        "POSTGRES_DATABASE": DATABASE,
        "REDIS_HOST": wiring.redis[0],
        "REDIS_PORT": wiring.redis[1],
        "TOKEN_PRIVATE_KEY_FILE": wiring.keys / f"{service}.pem",
        "TOKEN_PUBLIC_KEYS_FILE": wiring.keys / "services.jwks",
        "ENCRYPTION_KEYS_FILE": wiring.keys / "encryption.json",
    }
    values.update({f"POSTGRES_{kind.upper()}_PASSWORD": passwords[f"{service}_{kind}"] for kind in ("owner", "api", "worker")})
    values.update({f"{peer.upper()}_RPC_URL": "http://{}:{}".format(*wiring.peers[peer]) for peer in SERVICES})
    if service in ("auth", "audit"):
        # Mails about accounts, and the daily checkpoints.
        values.update({
            "MAIL_HOST": wiring.mail[0], "MAIL_PORT": wiring.mail[1], "MAIL_SECURITY": "starttls", "MAIL_USERNAME": "system",
            "MAIL_PASSWORD": passwords["mail_system"], "MAIL_FROM": f"no-reply@{DOMAIN}",
        })
    if service == "audit":
        values["GATEWAY_URL"] = wiring.gateway_url
        values["TRAIL_KEYS_FILE"] = wiring.keys / "trail.json"
        # A webhook to try it with stands on this machine; a deployment leaves this at its default.
        values["AUDIT_WEBHOOK_REACH"] = "anywhere"
    if service == "delivery":
        # The development mail server stands on this machine; a deployment leaves this at its default.
        values["DELIVERY_SMTP_REACH"] = "anywhere"
        values["DNS_SERVER"] = "{}:{}".format(*wiring.dns) if wiring.dns else ""
        values["DELIVERY_DOMAINS_REQUIRED"] = "true" if wiring.dns else "false"
        values["DELIVERY_CERTIFICATES_FOLDER"] = wiring.tracking_certificates
        # So may a webhook to try one with.
        values["DELIVERY_WEBHOOK_REACH"] = "anywhere"
        values["DELIVERY_WEBHOOK_CA_FILE"] = wiring.authority
    if service in ("auth", "delivery", "audit"):
        # They meet our own authority's certificates: at the mail server, at the gateway.
        values["MAIL_CA_FILE"] = wiring.authority
    return {name: str(value) for name, value in values.items()}
