"""What a mail's image and link take to answer, beside nginx' own static answer in the same run.

The addresses are those of a real mail, read out of the mail server; wrk asks them over TLS through the gateway and at Delivery's own listener.
"""

import re
import time
import uuid

from bench.auth import CONNECTIONS, STATIC, _load
from bench.delivery import Sql
from penguin.api import Api
from penguin.benchmarks import own_stack
from penguin.journey import Journey
from penguin.layout import read_json
from penguin.rpc import Peer
from penguin.terminal import Failure, wait_until

LIMIT_MS = 5
RECIPIENT = "lead@example.org"
BROWSER = {"User-Agent": "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36"}


def run(options):
    with own_stack(options) as (stack, layout):
        yield from _results(stack.facts, layout)


def _results(facts, layout):
    static = _load(facts["url"] + STATIC, {}, 1)
    sql = Sql(facts["ports"]["postgres"], read_json(layout.secrets)["postgres"])
    for kind, path in _paths(facts, layout, sql).items():
        for place, url in (("through the gateway", facts["url"]), ("at Delivery's own listener", f"http://127.0.0.1:{facts['ports']['delivery_public']}")):
            alone, many = _load(url + path, BROWSER, 1), _load(url + path, BROWSER)
            yield _row(f"tracking, {kind} {place}, one at a time, p50, beside a static file's", alone.p50, static.p50)
            yield _row("the same, p99, beside the limit", alone.p99, LIMIT_MS)
            yield _row(f"the same, {CONNECTIONS} at once ({many.per_second:.0f} requests/s), p99, beside the limit", many.p99, LIMIT_MS)
    # An answer that nobody noted would be quick.
    wait_until("What was asked for", lambda: sql.value("select count(distinct kind) = 2 from delivery.tracking_hits") == "t", 10)


def _row(name, value, beside):
    return {"name": name, "value": round(value, 2), "unit": "ms", "beside": round(beside, 2), "ratio": round(value / beside, 3)}


def _paths(facts, layout, sql):
    """The image and the link of a mail that went out."""
    passwords = read_json(layout.secrets)
    journey = Journey(Api(facts["url"], layout.authority), layout.maildir, facts["ports"]["mail"], passwords["mail_demo"])
    journey.sign_up()
    journey.set_up()
    journey.api.put("/api/v1/tracking/settings", {"opens": True, "clicks": True, "hidden_link": False})
    mailbox, tenant = sql.value("select id, tenant_id from delivery.mailboxes limit 1").split("|")
    send = {
        "send_key": f"test:{uuid.uuid4()}", "workspace": journey.workspace, "mailbox": mailbox, "recipient": RECIPIENT, "subject": "A question",
        "text": "Hello\n", "html": '<p>Hello, <a href="https://example.com/page">a page</a></p>', "tracks_opens": True, "tracks_clicks": True,
        "priority": 100, "due_at": time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime())}
    Peer(layout, facts["ports"]["delivery_internal"], "delivery", "campaigns").call("enqueueSends", tenant=tenant, sends=[send])

    def addresses():
        for mail in journey.mailbox.mails():
            if mail.recipients == (RECIPIENT,):
                return {kind: re.search(rf"/t/{letter}/[\w.\-~:%]+", mail.html()) for kind, letter in (("opening", "o"), ("click", "c"))}
        return None

    found = wait_until("The mail with its addresses", addresses, 60)
    if not all(found.values()):
        raise Failure("The mail has no tracked addresses.")
    return {kind: match.group() for kind, match in found.items()}
