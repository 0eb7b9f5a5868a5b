#!/usr/bin/env python3
"""Makes the file for PASSWORD_BREACHED_FILTER from a list of leaked passwords.

    build_filter.py LIST OUTPUT [--expected N]

LIST has one entry a line: a password, or the SHA-1 of one in hexadecimal as public lists have them (`<40 hex>` or `<40 hex>:<count>`);
`-` reads standard input. --expected says how many lines there are, so that a stream need not be read twice. Ten bits for each seven
hashes would give one false alarm in a hundred; fifteen bits and ten hashes give about one in a thousand.
"""

import argparse
import hashlib
import re
import struct
import sys
import unicodedata

MAGIC = b"PMBLOOM1"
BITS_AN_ENTRY = 15
HASHES = 10
DIGEST = re.compile(rb"^([0-9A-Fa-f]{40})(?::\d+)?$")


def digest(line):
    """The SHA-1 that a line names, or of the password that it is (in the form that Auth compares: NFKC)."""
    if found := DIGEST.match(line):
        return bytes.fromhex(found.group(1).decode())
    text = unicodedata.normalize("NFKC", line.decode("utf-8", "replace"))
    return hashlib.sha1(text.encode()).digest()


def positions(value, bits):
    first, second = struct.unpack_from("<QQ", value)
    second |= 1
    return [((first + index * second) % (1 << 64)) % bits for index in range(HASHES)]


def build(lines, expected):
    bits = max(64, expected * BITS_AN_ENTRY)
    filter_bytes = bytearray((bits + 7) // 8)
    for line in lines:
        if line := line.rstrip(b"\r\n"):
            for position in positions(digest(line), bits):
                filter_bytes[position >> 3] |= 1 << (position & 7)
    return MAGIC + struct.pack("<QQ", bits, HASHES) + bytes(filter_bytes)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("list")
    parser.add_argument("output")
    parser.add_argument("--expected", type=int)
    options = parser.parse_args()
    if options.list == "-":
        if not options.expected:
            parser.error("standard input is read once: say --expected")
        made = build(sys.stdin.buffer, options.expected)
    else:
        with open(options.list, "rb") as source:
            expected = options.expected or sum(1 for _ in source)
            source.seek(0)
            made = build(source, expected)
    with open(options.output, "wb") as target:
        target.write(made)
    print(f"{options.output}: {len(made):,} bytes")


if __name__ == "__main__":
    main()
