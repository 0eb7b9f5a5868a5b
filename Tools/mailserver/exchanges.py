"""Several mail servers of others on one port, each at a loopback address of its own, and the web server of their MTA-STS policies, for tests.

Started with a folder that holds `exchanges.json`:

{"hosts": {"127.0.0.2": {"names": ["mx1.reader.example"], "tls": true, "authority": "good", "greeting": null}}, "policies": ["reader.example"]}

`authority` is `good` (its certificate stands in `ca.pem`) or `other` (nobody's). A host with a greeting says only that. Writes `ready.json` with the
ports and digests of keys, appends what comes to `log.jsonl`, and serves `policies.json` (domain to text, read at each request) until SIGTERM.
"""

import asyncio
import hashlib
import json
import signal
import socket
import ssl
import subprocess
import sys
from pathlib import Path

from aiosmtpd.smtp import SMTP

# By the beginning of the recipient's local part.
REPLIES = {
    "unknown": "550 5.1.1 User unknown",
    "policy": "550 5.7.1 Message refused by local policy",
    "later": "450 4.2.0 Greylisted, try again later",
}


def openssl(*arguments, given=None):
    return subprocess.run(["openssl", *map(str, arguments)], check=True, capture_output=True, input=given).stdout


class Authority:
    """A certificate authority of the test's own."""

    def __init__(self, folder, name):
        self.folder, self.name = folder, name
        self.certificate, self.key = folder / f"{name}.pem", folder / f"{name}.key"
        openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", 2, "-subj", f"/CN=test {name}",
                "-keyout", self.key, "-out", self.certificate)

    def issue(self, label, names):
        """The chain and the key of a server with these names."""
        request, extensions = self.folder / f"{label}.csr", self.folder / f"{label}.ext"
        chain, key = self.folder / f"{label}.pem", self.folder / f"{label}.key"
        extensions.write_text("subjectAltName=" + ",".join(f"DNS:{name}" for name in names) + "\n")
        openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-subj", f"/CN={names[0]}", "-keyout", key,
                "-out", request)
        openssl("x509", "-req", "-in", request, "-CA", self.certificate, "-CAkey", self.key, "-CAcreateserial", "-days", 1, "-extfile", extensions,
                "-out", chain)
        chain.write_text(chain.read_text() + self.certificate.read_text())
        return chain, key


def digest(certificate):
    """SHA-256 of the first certificate's key, as TLSA records with selector 1 have it."""
    key = openssl("x509", "-in", certificate, "-noout", "-pubkey")
    return hashlib.sha256(openssl("pkey", "-pubin", "-outform", "DER", given=key)).hexdigest()


class Log:
    def __init__(self, path):
        self._file = path.open("a")

    def add(self, **entry):
        self._file.write(json.dumps(entry) + "\n")
        self._file.flush()


class Session(SMTP):
    """One connection: greets, offers STARTTLS where there is a certificate, and says what was asked of it."""

    count = 0
    open_now = {}

    def __init__(self, host, log, tls, loop):
        super().__init__(self, hostname=host, ident="test exchange", tls_context=tls, loop=loop, enable_SMTPUTF8=True)
        self._host, self._log = host, log
        self._counted, self._gone = False, False

    def connection_made(self, transport):
        super().connection_made(transport)
        if not self._counted:
            self._counted = True
            Session.count += 1
            self._number = Session.count
            Session.open_now[self._host] = Session.open_now.get(self._host, 0) + 1
            self._log.add(event="session", host=self._host, session=self._number, open=Session.open_now[self._host])

    def connection_lost(self, error):
        super().connection_lost(error)
        if not self._gone:
            self._gone = True
            Session.open_now[self._host] -= 1

    async def handle_RCPT(self, server, session, envelope, address, options):
        for prefix, reply in REPLIES.items():
            if address.startswith(prefix):
                return reply
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 OK"

    async def handle_DATA(self, server, session, envelope):
        self._log.add(event="mail", host=self._host, session=self._number, tls=session.ssl is not None, sender=envelope.mail_from,
                      recipient=envelope.rcpt_tos[0], name=session.host_name, peer=session.peer[0])
        return "250 2.0.0 Kept"


class Greeter(asyncio.Protocol):
    """Says one line and hangs up."""

    def __init__(self, host, log, line):
        self._host, self._log, self._line = host, log, line

    def connection_made(self, transport):
        self._log.add(event="session", host=self._host, session=0, open=1)
        transport.write(self._line.encode() + b"\r\n")
        transport.close()


async def policy(folder, reader, writer):
    """One request for a policy."""
    try:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        host = next((line.split(":", 1)[1].strip() for line in head if line.lower().startswith("host:")), "").rsplit(":", 1)[0]
        text = json.loads((folder / "policies.json").read_text()).get(host.removeprefix("mta-sts."))
        status = "200 OK" if text is not None and head[0].startswith("GET /.well-known/mta-sts.txt ") else "404 Not Found"
        body = (text or "").encode()
        writer.write(f"HTTP/1.1 {status}\r\nContent-Type: text/plain\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n".encode() + body)
        await writer.drain()
    except (asyncio.IncompleteReadError, ConnectionError):
        pass
    finally:
        writer.close()


def context(chain, key):
    made = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    made.load_cert_chain(chain, key)
    return made


def common_port(hosts):
    """Sockets at all addresses, on one port that is free at each."""
    for _ in range(50):
        made = []
        try:
            port = 0
            for host in hosts:
                listener = socket.create_server((host, port), backlog=128)
                made.append(listener)
                port = listener.getsockname()[1]
            return port, made
        except OSError:
            for listener in made:
                listener.close()
    raise OSError("no port is free at all addresses")


async def main():
    folder = Path(sys.argv[1])
    settings = json.loads((folder / "exchanges.json").read_text())
    log = Log(folder / "log.jsonl")
    authorities = {name: Authority(folder, {"good": "ca", "other": "other"}[name]) for name in ("good", "other")}
    loop = asyncio.get_running_loop()
    port, listeners = common_port(settings["hosts"])
    keys, servers = {}, []
    for (host, entry), listener in zip(settings["hosts"].items(), listeners):
        tls = None
        if entry.get("tls", True):
            chain, key = authorities[entry.get("authority", "good")].issue(host, entry["names"])
            tls, keys[host] = context(chain, key), digest(chain)
        if entry.get("greeting"):
            factory = (lambda host, line: lambda: Greeter(host, log, line))(host, entry["greeting"])
        else:
            factory = (lambda host, tls: lambda: Session(host, log, tls, loop))(host, tls)
        servers.append(await loop.create_server(factory, sock=listener))
    ready = {"port": port, "policy_port": 0, "keys": keys, "authority": digest(folder / "ca.pem")}
    if settings["policies"]:
        chain, key = authorities["good"].issue("policies", [f"mta-sts.{domain}" for domain in settings["policies"]])
        web = await asyncio.start_server(lambda reader, writer: policy(folder, reader, writer), "127.0.0.1", 0, ssl=context(chain, key))
        ready["policy_port"] = web.sockets[0].getsockname()[1]
    (folder / "ready.new").write_text(json.dumps(ready))
    (folder / "ready.new").rename(folder / "ready.json")
    stop = asyncio.Event()
    loop.add_signal_handler(signal.SIGTERM, stop.set)
    await stop.wait()


if __name__ == "__main__":
    asyncio.run(main())
