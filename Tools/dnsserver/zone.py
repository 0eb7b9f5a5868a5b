"""What the server knows: a JSON file, read again whenever it changes.

{"name": {"TXT": ["…"], "MX": ["10 mail.example"], "A": ["192.0.2.1"], "CNAME": ["…"], "ttl": 60, "fault": "servfail"}}

A text is given whole and goes out in strings of 255 bytes; as a list of strings it goes out as given. Faults: servfail, refused, silent (no answer),
garbage (a damaged answer), truncated (the datagram says that it is not all), stuck (so it says, and over TCP
nothing comes). "authentic": true says that DNSSEC vouches for the answer.
"""

import json

from dnslib import AAAA, CNAME, MX, NS, PTR, QTYPE, RD, RR, TXT, A

class Zone:
    def __init__(self, path):
        self._path = path
        self._stamp = None
        self._names = {}

    def read(self):
        """The names with their records; what was read last stays when the file is gone or is being written."""
        try:
            status = self._path.stat()
            stamp = (status.st_mtime_ns, status.st_size, status.st_ino)
            if stamp != self._stamp:
                names = json.loads(self._path.read_text())
                self._names = {name.lower().rstrip("."): entry for name, entry in names.items()}
                self._stamp = stamp
        except (OSError, ValueError):
            pass
        return self._names

    def fault(self, name):
        return self.read().get(name, {}).get("fault")

    def is_authentic(self, name):
        return bool(self.read().get(name, {}).get("authentic"))

    def exists(self, name):
        """With records of its own, or with names below it."""
        names = self.read()
        return name in names or any(other.endswith("." + name) for other in names)

    def answer(self, name, kind):
        """The records, with the aliases that lead to them; None for a name that is not there."""
        records = []
        for _ in range(17):
            entry = self.read().get(name, {})
            wanted = entry.get(kind, [])
            if wanted or kind == "CNAME" or not entry.get("CNAME"):
                records += [record(name, kind, value, entry.get("ttl", 60)) for value in wanted]
                return records if records or self.exists(name) else None
            alias = entry["CNAME"][0]
            records.append(record(name, "CNAME", alias, entry.get("ttl", 60)))
            name = alias.lower().rstrip(".")
        return records


def record(name, kind, value, ttl):
    return RR(name, getattr(QTYPE, kind), ttl=ttl, rdata=_data(kind, value))


def _data(kind, value):
    if kind == "TXT":
        if isinstance(value, list):
            return TXT([part.encode() for part in value])
        whole = value.encode()
        return TXT([whole[start:start + 255] for start in range(0, len(whole), 255)] or [b""])
    if kind == "MX":
        preference, host = value.split()
        return MX(host, int(preference))
    if kind == "TLSA":
        usage, selector, matching, data = value.split()
        return RD(bytes([int(usage), int(selector), int(matching)]) + bytes.fromhex(data))
    return {"A": A, "AAAA": AAAA, "CNAME": CNAME, "NS": NS, "PTR": PTR}[kind](value)
