"""What Billing takes for Stripe while it is measured: reads of subscriptions, customers and lists, in the shape of API version 2026-08-26.dahlia.

    python3 -m bench.billing_parts.stub <port> <process to end with>

It invents what it is asked for and keeps nothing; whatever is not a read is refused.
"""

import json
import re
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

from bench.billing_parts import companies
from penguin.processes import end_with

VERSION = "2026-08-26.dahlia"
PRICE = "price_bench"
PRODUCT = "prod_bench"
AMOUNT = 39_900
DAY = 86_400


def subscription(number, now):
    """A company's subscription; the period is the one that companies.seed wrote."""
    start, end = (int(now) // DAY * DAY + days * DAY for days in companies.PERIOD)
    price = {
        "id": PRICE, "object": "price", "active": True, "billing_scheme": "per_unit", "created": start, "currency": "usd", "livemode": False,
        "lookup_key": None, "metadata": {}, "nickname": None, "product": PRODUCT,
        "recurring": {"interval": "month", "interval_count": 1, "meter": None, "trial_period_days": None, "usage_type": "licensed"},
        "tax_behavior": "unspecified", "tiers_mode": None, "transform_quantity": None, "type": "recurring", "unit_amount": AMOUNT,
        "unit_amount_decimal": str(AMOUNT)}
    item = {
        "id": f"si_bench{number}", "object": "subscription_item", "created": start, "current_period_start": start,
        "current_period_end": end, "discounts": [], "metadata": {}, "price": price, "quantity": 1,
        "subscription": companies.subscription(number), "tax_rates": []}
    return {
        "id": companies.subscription(number), "object": "subscription", "application": None, "application_fee_percent": None,
        "automatic_tax": {"enabled": False, "liability": None}, "billing_cycle_anchor": start, "cancel_at": None, "cancel_at_period_end": False,
        "canceled_at": None, "collection_method": "charge_automatically", "created": start, "currency": "usd",
        "customer": companies.customer(number), "days_until_due": None, "default_payment_method": None, "description": None, "discounts": [],
        "ended_at": None,
        "items": {
            "object": "list", "data": [item], "has_more": False,
            "url": f"/v1/subscription_items?subscription={companies.subscription(number)}"},
        "latest_invoice": f"in_bench{number}", "livemode": False, "metadata": {"tenant": companies.company(number)},
        "next_pending_invoice_item_invoice": None, "on_behalf_of": None, "pause_collection": None, "pending_setup_intent": None,
        "pending_update": None, "schedule": None, "start_date": start, "status": "active", "test_clock": None, "transfer_data": None,
        "trial_end": None, "trial_start": None}


def customer(number, now):
    return {
        "id": companies.customer(number), "object": "customer", "balance": 0, "created": int(now), "currency": "usd", "delinquent": False,
        "email": None, "livemode": False, "metadata": {"tenant": companies.company(number)}, "name": None}


def invoice(number, now):
    return {
        "id": f"in_bench{number}", "object": "invoice", "amount_due": AMOUNT, "amount_paid": AMOUNT, "amount_remaining": 0, "created": int(now),
        "currency": "usd", "customer": companies.customer(number), "due_date": None, "hosted_invoice_url": None, "invoice_pdf": None,
        "lines": {"object": "list", "data": [], "has_more": False, "url": f"/v1/invoices/in_bench{number}/lines"}, "livemode": False, "metadata": {},
        "number": None, "parent": {
            "type": "subscription_details", "quote_details": None,
            "subscription_details": {"metadata": {}, "subscription": companies.subscription(number)}},
        "period_end": int(now), "period_start": int(now) - 30 * DAY, "status": "paid", "total": AMOUNT}


MAKE = {"subscriptions": ("sub", subscription), "customers": ("cus", customer), "invoices": ("in", invoice)}


def answer(method, target, now):
    """The status and the body for a request."""
    address = urlsplit(target)
    if method != "GET":
        return 400, fault("invalid_request_error", f"The stub only answers reads, not {method} {address.path}.")
    parts = address.path.strip("/").split("/")
    kind = MAKE.get(parts[1]) if len(parts) > 1 and parts[0] == "v1" else None
    if kind and len(parts) == 3 and (number := _number(kind[0], parts[2])) is not None:
        return 200, kind[1](number, now)
    if len(parts) == 2 and parts[0] == "v1":
        asked = parse_qs(address.query).get("customer", [""])[0]
        number = _number("cus", asked)
        found = [subscription(number, now)] if parts[1] == "subscriptions" and number is not None else []
        return 200, {"object": "list", "data": found, "has_more": False, "url": address.path}
    return 404, fault("invalid_request_error", f"No such thing: {address.path}", "resource_missing")


def fault(kind, message, code=None):
    return {"error": {"type": kind, "message": message, **({"code": code} if code else {})}}


def _number(prefix, identifier):
    match = re.fullmatch(rf"{prefix}_bench(\d{{1,6}})", identifier)
    return int(match.group(1)) if match else None


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # Head and body leave together and at once: in two pieces the second would wait for the first one's acknowledgement.
    wbufsize = -1
    disable_nagle_algorithm = True

    def respond(self):
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        status, content = answer(self.command, self.path, time.time())
        body = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Request-Id", "req_bench")
        self.send_header("Stripe-Version", VERSION)
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_POST = do_DELETE = respond

    def log_message(self, *_):
        pass


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, request, client_address):
        # Whoever asked may leave at any time.
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)


def serve(port):
    """On this machine only."""
    return Server(("127.0.0.1", port), Handler)


if __name__ == "__main__":
    end_with(int(sys.argv[2]))
    serve(int(sys.argv[1])).serve_forever()
