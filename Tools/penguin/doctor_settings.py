"""What settings say by themselves: functions from values to findings; nothing is asked of anybody."""

import base64
import binascii
import json
from urllib.parse import urlsplit

from penguin.doctor_finding import failure, ok, warning
from penguin.layout import SERVICES

REQUIRED = (
    "PUBLIC_PORT", "INTERNAL_PORT", "PUBLIC_BASE_URL", "POSTGRES_OWNER_PASSWORD", "POSTGRES_API_PASSWORD", "POSTGRES_WORKER_PASSWORD",
    "TOKEN_PRIVATE_KEY_FILE", "TOKEN_PUBLIC_KEYS_FILE", "ENCRYPTION_KEYS_FILE") + tuple(f"{service.upper()}_RPC_URL" for service in SERVICES)
# What makes sense on a developer's machine only, and what it must be elsewhere.
DEVELOPMENT = {
    "DELIVERY_SMTP_REACH": ("anywhere", "public"), "DELIVERY_WEBHOOK_REACH": ("anywhere", "public"), "AUDIT_WEBHOOK_REACH": ("anywhere", "public"),
    "DELIVERY_DOMAINS_REQUIRED": ("false", "true"), "LOG_LEVEL": ("debug", "info"),
}
WEAK = ("postgres", "password", "passw0rd", "changeme", "secret", "penguin", "penguinmails", "admin", "root", "test", "example", "default", "123456")
SHORTEST_PASSWORD = 16
PASSWORDS = ("POSTGRES_OWNER_PASSWORD", "POSTGRES_API_PASSWORD", "POSTGRES_WORKER_PASSWORD")
# What a service connects to Postgres with beside its pools: relay, migrations, a spare one while it is restarted.
BESIDE_POOLS = 3


def is_production(settings):
    """Whether people reach it under a public name."""
    host = urlsplit(next((values["PUBLIC_BASE_URL"] for values in settings.values() if values.get("PUBLIC_BASE_URL")), "")).hostname or ""
    return bool(host) and host != "localhost" and not host.endswith((".localhost", ".test", ".invalid")) and not host.startswith("127.")


def required(settings):
    absent = [service for service in SERVICES if service not in settings]
    found = [failure("settings.service", f"there are no settings of {', '.join(absent)}",
        "Give each of the five services its settings.")] if absent else []
    for service, values in settings.items():
        missing = [name for name in REQUIRED if not values.get(name)]
        if missing:
            found.append(failure("settings.required", f"{service} lacks {', '.join(missing)}",
                f"Set them; `{service.capitalize()} --help` says what each is."))
    return found or [ok("settings.required", "every service has what it needs")]


def base_url(settings, production):
    urls = {values.get("PUBLIC_BASE_URL", "") for values in settings.values()}
    if len(urls) > 1:
        return [failure("settings.base_url", f"services differ: {', '.join(sorted(urls))}", "Give all five the same PUBLIC_BASE_URL.")]
    url = urls.pop() if urls else ""
    parts = urlsplit(url)
    if not parts.hostname or parts.path.strip("/") or parts.query:
        return [failure("settings.base_url", f"PUBLIC_BASE_URL is {url!r}", "Write scheme and host only, such as https://app.example.com.")]
    if parts.scheme != "https":
        return [failure("settings.base_url", f"{url} is not encrypted", "Use https: session cookies are sent over TLS only.")]
    if parts.hostname.replace(".", "").isdigit() and production:
        return [failure("settings.base_url", f"{url} is an address", "Use a name: links in mails lead there for years.")]
    return [ok("settings.base_url", url)]


def development(settings, production):
    """Switches of a developer's machine where customers are."""
    if not production:
        return []
    found = []
    for service, values in settings.items():
        for name, (bad, good) in DEVELOPMENT.items():
            if values.get(name) == bad or name == "LOG_LEVEL" and values.get(name) == "trace":
                found.append(failure("settings.development", f"{service} has {name}={values[name]}",
                    f"Set {name}={good}: the other is for development."))
    return found or [ok("settings.development", "no switch of a developer's machine is on")]


def passwords(settings):
    found, seen = [], {}
    for service, values in settings.items():
        for name in PASSWORDS:
            value = values.get(name, "")
            role = f"{service}_{name.split('_')[1].lower()}"
            if value and (value.lower() in WEAK or len(value) < SHORTEST_PASSWORD):
                found.append(failure("passwords.weak", f"the password of {role} is short or well known",
                    f"Give it {SHORTEST_PASSWORD} random characters: ./penguin rotate-key postgres."))
            elif value:
                seen.setdefault(value, []).append(role)
    for roles in seen.values():
        if len(roles) > 1:
            found.append(failure("passwords.shared", f"{', '.join(roles)} have the same password",
                "Give each role its own: that one cannot act as another is what tenancy stands on."))
    return found or [ok("passwords", f"{len(seen)} passwords of database roles, each its own")]


def ports(settings):
    """Listeners of one machine that would take each other's place."""
    places = {}
    for service, values in settings.items():
        for kind in ("PUBLIC", "INTERNAL"):
            host, port = values.get(f"{kind}_HOST", "127.0.0.1"), values.get(f"{kind}_PORT")
            if port and host != "0.0.0.0":
                places.setdefault((host, port), []).append(f"{service} ({kind.lower()})")
            elif port:
                # In a container of its own; but its two listeners share that.
                places.setdefault((service, port), []).append(f"{service} ({kind.lower()})")
    found = [
        failure("settings.ports", f"{' and '.join(users)} want port {port}", "Give each listener a port of its own.")
        for (_, port), users in places.items() if len(users) > 1]
    return found or [ok("settings.ports", f"{len(places)} listeners, each with a port of its own")]


def connections(settings, maximum, reserved, replicas=1):
    """Whether all pools together fit into what the server allows, with room for one more of each while it is restarted."""
    def pool(values):
        return int(values.get("POSTGRES_API_CONNECTIONS") or 8) + int(values.get("POSTGRES_WORKER_CONNECTIONS") or 8) + BESIDE_POOLS

    pools = sum(pool(values) for values in settings.values()) * replicas
    largest = max((pool(values) for values in settings.values()), default=0)
    room = maximum - reserved
    said = f"pools want {pools} connections, {largest} more during a restart; the server gives {room}"
    if pools > room:
        return [failure("postgres.connections", said, f"Raise max_connections to {pools + largest + reserved + 10} or make the pools smaller.")]
    if pools + largest > room:
        return [warning("postgres.connections", said,
            f"Raise max_connections to {pools + largest + reserved + 10}, or restarts wait for connections.")]
    return [ok("postgres.connections", said)]


def stripe(values, production):
    """Keys that belong together, and to this place."""
    secret, publishable = values.get("STRIPE_SECRET_KEY", ""), values.get("STRIPE_PUBLISHABLE_KEY", "")
    webhook = values.get("STRIPE_WEBHOOK_SECRET", "")
    if not secret:
        level = warning if production else (lambda code, found, _: ok(code, found))
        return [level("stripe.keys", "no key: nothing can be bought", "Set STRIPE_SECRET_KEY, STRIPE_PUBLISHABLE_KEY and STRIPE_WEBHOOK_SECRET if "
            "you sell plans.")]
    found = []
    kind, _, rest = secret.partition("_")
    mode = rest.partition("_")[0]
    if kind not in ("sk", "rk") or mode not in ("live", "test"):
        found.append(failure("stripe.keys", "STRIPE_SECRET_KEY is no secret key",
            "Take the one that begins with sk_ or rk_ from Stripe's dashboard."))
    if publishable and not publishable.startswith(f"pk_{mode}_"):
        found.append(failure("stripe.mode", f"the publishable key is not one of {mode} mode", "Take both keys from the same mode of the dashboard."))
    if not publishable:
        found.append(failure("stripe.publishable", "STRIPE_PUBLISHABLE_KEY is missing", "Set it: without it browsers cannot take a card."))
    if not webhook:
        found.append(failure("stripe.webhook", "STRIPE_WEBHOOK_SECRET is missing",
            "Set the signing secret of /webhooks/stripe: without it no payment is heard of."))
    elif not all(part.strip().startswith("whsec_") for part in webhook.split(",")):
        found.append(failure("stripe.webhook", "STRIPE_WEBHOOK_SECRET is no signing secret",
            "Take the one that begins with whsec_ from the endpoint's page."))
    if production and mode == "test":
        found.append(failure("stripe.mode", "a test key where customers are: nobody pays", "Use the live keys."))
    if not production and mode == "live":
        found.append(failure("stripe.mode", "a live key where nobody should pay", "Use the test keys."))
    return found or [ok("stripe.keys", f"{mode} keys, with the webhook's secret")]


def mail(settings):
    """Whether anybody can be sent a code to sign up."""
    auth = settings.get("auth", {})
    if auth.get("MAIL_PROVIDER", "smtp") == "loops":
        return [ok("mail.accounts", "by Loops")] if auth.get("MAIL_LOOPS_KEY") else [failure("mail.accounts", "MAIL_LOOPS_KEY is missing",
            "Set it, or MAIL_PROVIDER=smtp.")]
    if not auth.get("MAIL_HOST") or not auth.get("MAIL_FROM"):
        return [failure("mail.accounts", "nobody can be sent a code: MAIL_HOST or MAIL_FROM is missing",
            "Name the server and the sender of mails about accounts.")]
    if auth.get("MAIL_SECURITY", "starttls") == "none":
        return [warning("mail.accounts", "mails about accounts go unencrypted to their server", "Set MAIL_SECURITY=starttls or tls.")]
    return [ok("mail.accounts", f"by {auth['MAIL_HOST']}")]


def keyring(name, text):
    """encryption.json: what every secret at rest depends on."""
    do = "Bring it back from a backup: without it mailboxes' passwords cannot be read."
    try:
        document = json.loads(text)
        keys = {key: base64.b64decode(value, validate=True) for key, value in document["keys"].items()}
        current = document["current"]
    except (ValueError, KeyError, TypeError, AttributeError, binascii.Error):
        return [failure("keys.encryption", f"{name} cannot be read", do)]
    if current not in keys:
        return [failure("keys.encryption", f"{name} has no key {current}, which it says is the current one", do)]
    wrong = [key for key, content in keys.items() if len(content) != 32 or "." in key]
    if wrong:
        return [failure("keys.encryption", f"{name}: {', '.join(wrong)} is not 32 bytes, or has a dot in its name", do)]
    return [ok("keys.encryption", f"{len(keys)} keys, {current} is the current one")]


def public_keys(name, text, own):
    """services.jwks: five keys, by the names of the services; `own` is the public part of each service's private key, where it could be read."""
    try:
        entries = {}
        for key in json.loads(text)["keys"]:
            entries.setdefault(key["kid"].partition(".")[0], []).append(key["x"])
    except (ValueError, KeyError, TypeError):
        return [failure("keys.services", f"{name} cannot be read", "Make it again: ./penguin up does.")]
    absent = [service for service in SERVICES if service not in entries]
    if absent:
        return [failure("keys.services", f"{name} has no key of {', '.join(absent)}", "Put the public keys of all five services into it.")]
    strange = [service for service, part in own.items() if part not in entries.get(service, [])]
    if strange:
        return [failure("keys.services", f"the private key of {', '.join(strange)} is not the one in {name}",
            "Make the file again from the private keys, and restart all services.")]
    return [ok("keys.services", "each service signs with the key that the others know")]


def file_mode(code, path, mode, production):
    if mode & 0o077:
        return [(failure if production else warning)(code, f"{path} may be read by others ({mode:04o})", f"chmod 600 {path}")]
    return []


def age(code, path, days, limit=365):
    if days > limit:
        return [warning(code, f"{path} is {days:.0f} days old", "Rotate it: docs/operations.md, “Keys”.")]
    return []
