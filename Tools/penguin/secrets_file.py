"""Passwords and keys of one stack: made at the first start, kept from then on."""

import base64
import hashlib
import json
import secrets
import subprocess

from penguin.layout import SERVICES, read_json, write_private, write_private_json
from penguin.terminal import Failure

ROLES = tuple(f"{service}_{kind}" for service in SERVICES for kind in ("owner", "api", "worker"))
NAMES = ("postgres",) + ROLES + ("mail_system", "mail_demo")


def passwords(path):
    """A password for each name; what is there stays, what is missing is made."""
    kept = read_json(path, {})
    missing = [name for name in NAMES if name not in kept]
    if missing:
        kept.update({name: secrets.token_urlsafe(24) for name in missing})
        write_private_json(path, kept)
    return kept


def role_passwords(known):
    """The variables of Tools/postgres/bootstrap.sql, as psql reads them: in a script, where no list of processes shows them."""
    return "".join(f"\\set {role}_password '{known[role]}'\n" for role in ROLES)


def write_mail_users(path, known):
    """Who may hand mail to the development server; other names that somebody added stay."""
    users = read_json(path, {})
    users.update({"system": known["mail_system"], "demo": known["mail_demo"]})
    write_private_json(path, users)


def make_keys(folder):
    """The root key for secrets at rest, a signing key pair for each service, and all public keys in one JWKS."""
    encryption = folder / "encryption.json"
    if not encryption.exists():
        key = base64.b64encode(secrets.token_bytes(32)).decode()
        write_private_json(encryption, {"current": "k1", "keys": {"k1": key}})
    make_trail_keys(folder)
    # Of a service there are several while one is being changed (rotate.py); those that are known stay known.
    known = read_json(folder / "services.jwks", {}).get("keys", [])
    entries = [entry for entry in known if entry["kid"].partition(".")[0] in SERVICES]
    for service in SERVICES:
        private = folder / f"{service}.pem"
        if not private.exists():
            write_private(private, new_private_key())
        own = [entry for entry in entries if entry["kid"].partition(".")[0] == service]
        part = public_part(private)
        if not any(entry["x"] == part for entry in own):
            # A key that came otherwise: it is the only one of its service.
            entries = [entry for entry in entries if entry not in own] + [public_entry(service, part)]
    write_private(folder / "services.jwks", json.dumps({"keys": entries}, indent=2) + "\n")


def new_private_key():
    """An Ed25519 key, PKCS 8 in PEM."""
    return _openssl("genpkey", "-algorithm", "ed25519").decode()


def public_entry(name, part):
    return {"kty": "OKP", "crv": "Ed25519", "alg": "EdDSA", "use": "sig", "kid": name, "x": part}


def make_trail_keys(folder):
    """The key that signs the audit trail's checkpoints, and its public part for whoever verifies them, a line for each key.

    To change the key put a new one before the old one: both sign until the old one is taken out; `trail.pub` and `former` keep it.
    """
    private, public = folder / "trail.json", folder / "trail.pub"
    if not private.exists():
        key = base64.b64encode(secrets.token_bytes(32)).decode()
        write_private_json(private, {"name": "penguinmails-audit", "keys": [key]})
    document = read_json(private, {})
    known = public.read_text().splitlines() if public.exists() else []
    lines = [verifier_key(document["name"], base64.b64decode(seed)) for seed in document["keys"]]
    gone = [line for line in known if line not in lines]
    write_private(public, "\n".join(lines + gone) + "\n")
    former = [base64.b64encode(base64.b64decode(line.split("+", 2)[2])[1:]).decode() for line in gone]
    if former != document.get("former", []):
        write_private_json(private, {**document, "former": former})


def verifier_key(name, seed):
    """The public key as C2SP's signed notes have it: name, the key's identifier, kind and key."""
    der = bytes.fromhex("302e020100300506032b657004220420") + seed
    public = _openssl("pkey", "-inform", "DER", "-pubout", "-outform", "DER", given=der)[-32:]
    identifier = hashlib.sha256(name.encode() + b"\n\x01" + public).digest()[:4]
    return f"{name}+{identifier.hex()}+{base64.b64encode(bytes([1]) + public).decode()}"


def public_part(private):
    """The public key as a JWK has it: an Ed25519 SubjectPublicKeyInfo ends in the 32 bytes of the key."""
    der = _openssl("pkey", "-in", str(private), "-pubout", "-outform", "DER")
    return base64.urlsafe_b64encode(der[-32:]).rstrip(b"=").decode()


def _openssl(*arguments, given=None):
    result = subprocess.run(["openssl", *arguments], input=given, capture_output=True)
    if result.returncode != 0:
        raise Failure(f"openssl {arguments[0]} failed: {result.stderr.decode(errors='replace').strip()}")
    return result.stdout
