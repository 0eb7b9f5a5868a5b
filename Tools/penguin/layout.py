"""Where one stack keeps its things: everything that is generated, stored or logged lives in one folder."""

import json
import os
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SERVICES = ("auth", "billing", "campaigns", "delivery", "audit")


def build_folder():
    """Where the compiler puts what it makes: `.build`, or what `PENGUIN_BUILD` names, such as a build with a sanitizer."""
    return ROOT / os.environ.get("PENGUIN_BUILD", ".build")


class Layout:
    """The folder of one stack; `PENGUIN_LOCAL` names another one than `.local`, so that two stacks can live side by side."""

    def __init__(self, folder=None):
        self.folder = Path(folder or os.environ.get("PENGUIN_LOCAL") or ROOT / ".local").absolute()
        self.ports = self.folder / "ports.json"
        self.secrets = self.folder / "secrets.json"
        self.authority = self.folder / "ca.pem"
        self.certificates = self.folder / "certificates"
        self.keys = self.folder / "keys"
        self.postgres = self.folder / "postgres"
        self.redis = self.folder / "redis"
        self.mail = self.folder / "mail"
        self.maildir = self.mail / "maildir"
        self.mail_users = self.mail / "users.json"
        self.dns = self.folder / "dns"
        self.zone = self.dns / "zone.json"
        self.gateway = self.folder / "gateway"
        self.peers = self.folder / "peers"
        self.tracking_certificates = self.folder / "tracking"
        self.logs = self.folder / "logs"
        self.run = self.folder / "run"
        self.state = self.run / "stack.json"
        self.lock = self.run / "lock"
        # There while a restore is under way: what it has made so far is not to be started.
        self.restoring = self.run / "restoring"

    def make(self):
        """Makes the folders. Others on this machine may pass through (Postgres runs as its own user), not look in."""
        self.folder.mkdir(parents=True, exist_ok=True)
        self.folder.chmod(0o711)
        for path in (self.certificates, self.keys, self.redis, self.mail, self.dns, self.gateway, self.peers, self.tracking_certificates, self.logs, self.run):
            path.mkdir(mode=0o700, exist_ok=True)

    def log(self, name):
        return self.logs / f"{name}.log"

    def held(self, name):
        """Names the process for which a component stays away."""
        return self.run / f"{name}.held"


def read_json(path, default=None):
    """What the file holds, or `default` when there is none or it is damaged."""
    try:
        return json.loads(path.read_text())
    except (FileNotFoundError, ValueError):
        return default


def write_private(path, text):
    """Replaces the file in one step; only its owner may read it."""
    partial = path.with_name(path.name + ".partial")
    partial.unlink(missing_ok=True)
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with open(descriptor, "w") as file:
        file.write(text)
    partial.rename(path)


def write_private_json(path, value):
    write_private(path, json.dumps(value, indent=2) + "\n")
