"""A certificate authority of our own, and the certificates that gateway and mail server show."""

import subprocess
import tempfile
from pathlib import Path

from penguin.terminal import Failure

# A certificate that would end within this many seconds is made again.
RENEW_BEFORE = 30 * 86_400
CURVE = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]


def make(authority, folder, servers):
    """Writes `ca.pem` to `authority`, and `<name>.pem` and `<name>.key` for each of `servers`: name → host names and addresses."""
    authority_key = folder / "ca.key"
    if not (authority_key.exists() and _lasts(authority)):
        _make_authority(authority, authority_key)
    for name, hosts in servers.items():
        certificate, key = folder / f"{name}.pem", folder / f"{name}.key"
        if not (key.exists() and _lasts(certificate) and _is_signed(certificate, authority)):
            _make_server(certificate, key, authority, authority_key, hosts)


def _make_authority(certificate, key):
    _openssl(
        ["req", "-x509", *CURVE, "-keyout", str(key), "-out", str(certificate), "-days", "1825", "-subj", "/CN=PenguinMails development CA"]
        + ["-addext", "basicConstraints=critical,CA:TRUE,pathlen:0", "-addext", "keyUsage=critical,keyCertSign,cRLSign"])
    key.chmod(0o600)


def _make_server(certificate, key, authority, authority_key, hosts):
    names = ",".join(f"IP:{host}" if host[0].isdigit() else f"DNS:{host}" for host in hosts)
    with tempfile.TemporaryDirectory() as scratch:
        request, extensions = Path(scratch, "request.pem"), Path(scratch, "extensions")
        extensions.write_text(
            f"subjectAltName={names}\nbasicConstraints=critical,CA:FALSE\n"
            "keyUsage=critical,digitalSignature\nextendedKeyUsage=serverAuth\n")
        _openssl(["req", *CURVE, "-keyout", str(key), "-out", str(request), "-subj", f"/CN={hosts[0]}"])
        # 397 days: browsers refuse certificates that last longer.
        _openssl(
            ["x509", "-req", "-in", str(request), "-CA", str(authority), "-CAkey", str(authority_key), "-days", "397"]
            + ["-set_serial", f"0x{_serial()}", "-extfile", str(extensions), "-out", str(certificate)])
    key.chmod(0o600)


def _serial():
    return _openssl(["rand", "-hex", "16"]).strip()


def _lasts(certificate):
    return certificate.exists() and _succeeds(["x509", "-in", str(certificate), "-noout", "-checkend", str(RENEW_BEFORE)])


def _is_signed(certificate, authority):
    return _succeeds(["verify", "-CAfile", str(authority), str(certificate)])


def _succeeds(arguments):
    return subprocess.run(["openssl", *arguments], capture_output=True).returncode == 0


def _openssl(arguments):
    result = subprocess.run(["openssl", *arguments], capture_output=True, text=True)
    if result.returncode != 0:
        raise Failure(f"openssl {arguments[0]} failed: {result.stderr.strip()}")
    return result.stdout
