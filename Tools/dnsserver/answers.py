"""From the bytes of a question to the bytes of an answer."""

import os

from dnslib import EDNS0, QTYPE, RCODE, DNSError, DNSRecord

SMALLEST = 512


def answer(zone, question, over_tcp):
    """The bytes to send; None for silence."""
    try:
        request = DNSRecord.parse(question)
    except DNSError:
        return None
    if len(request.questions) != 1 or request.header.qr:
        return None
    name = str(request.q.qname).lower().rstrip(".")
    fault = zone.fault(name)
    reply = request.reply(ra=1)
    # As the client sent it until here: what it would like to hear.
    reply.header.ad = int(zone.is_authentic(name))
    if fault == "silent" or (fault == "stuck" and over_tcp):
        return None
    if fault == "garbage":
        return question[:2] + b"\x81\x80\x00\x01\x00\x05\x00\x00\x00\x00" + question[12:] + os.urandom(20)
    if fault in ("servfail", "refused"):
        reply.header.rcode = getattr(RCODE, fault.upper())
        return reply.pack()
    if fault in ("truncated", "stuck") and not over_tcp:
        return _truncated(request).pack()
    records = zone.answer(name, QTYPE.get(request.q.qtype))
    if records is None:
        reply.header.rcode = RCODE.NXDOMAIN
    else:
        for record in records:
            reply.add_answer(record)
    room = _room(request)
    if room is not None:
        reply.add_ar(EDNS0(udp_len=1_232))
    packed = reply.pack()
    if not over_tcp and len(packed) > (room or SMALLEST):
        return _truncated(request).pack()
    return packed


def _truncated(request):
    reply = request.reply(ra=1)
    reply.header.tc = 1
    return reply


def _room(request):
    """How large a datagram may be, as EDNS says; None without it."""
    return next((max(SMALLEST, extra.rclass) for extra in request.ar if extra.rtype == QTYPE.OPT), None)
