"""The whole life of an account, as a browser lives it: plain HTTP through the gateway, mail read from the mail server's store.

    auth_journey.py URL AUTHORITY.pem MAILDIR

Prints a line a step; ends with 1 at the first thing that is not as promised.
"""

import base64
import hashlib
import hmac
import re
import secrets
import struct
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent.parent / "Tools"))

from penguin.api import Api, Refusal  # noqa: E402
from penguin.mailbox import Mailbox  # noqa: E402

PASSWORD = "a password for this journey"
URL, AUTHORITY, MAILDIR = sys.argv[1], sys.argv[2], Path(sys.argv[3])
MARK = secrets.token_hex(4)
MAILS = Mailbox(MAILDIR, time.time())


def main():
    ada, bob = f"ada.{MARK}@penguin.example", f"bob.{MARK}@penguin.example"
    browser = browse()
    step("sign-up says the same for a new and for a taken address")
    person = {"email": ada, "password": PASSWORD, "name": "Ada", "company": f"Company {MARK}"}
    first = browser.post("/api/v1/auth/sign-up", person)
    code = mailed(ada, r"\b(\d{6})\b")
    same(browse().post("/api/v1/auth/sign-up", person), first)
    mailed(ada, r"There is an account with it already")
    step("the mailed code proves the address, once")
    browser.post("/api/v1/auth/verify-email", {"email": ada, "code": code})
    refused(422, "verification_failed", browser.post, "/api/v1/auth/verify-email", {"email": ada, "code": code})
    step("a wrong password and an unknown address get the same answer")
    wrong = refused(401, "sign_in_failed", browser.post, "/api/v1/auth/sign-in", {"email": ada, "password": "not this one"})
    unknown = refused(401, "sign_in_failed", browser.post, "/api/v1/auth/sign-in", {"email": f"eve.{MARK}@penguin.example", "password": PASSWORD})
    same({**wrong, "request_id": ""}, {**unknown, "request_id": ""})
    same(browser.post("/api/v1/auth/sign-in", {"email": ada, "password": PASSWORD})["user"]["verified"], True)
    step("an unsafe request needs the CSRF token and our own origin")
    refused(403, "csrf_token", browser.ask, "POST", "/api/v1/workspaces", {"name": "No token"}, token=False)
    refused(403, "csrf_origin", browser.ask, "POST", "/api/v1/workspaces", {"name": "Elsewhere"}, origin="https://evil.example")
    workspace = browser.post("/api/v1/workspaces", {"name": "Outreach"})["id"]
    step("two-step sign-in: the app's code, once; then a password alone is no session")
    secret = browser.post("/api/v1/auth/totp")["secret"]
    now = int(time.time()) // 30
    recovery = browser.post("/api/v1/auth/totp/confirm", {"code": totp(secret, now)})["recovery_codes"]
    same(len(set(recovery)), 10)
    browser.post("/api/v1/auth/sign-out")
    refused(401, "unauthenticated", browser.get, "/api/v1/workspaces")
    challenge = browser.post("/api/v1/auth/sign-in", {"email": ada, "password": PASSWORD})["challenge"]
    refused(401, "unauthenticated", browser.get, "/api/v1/workspaces")
    refused(401, "wrong_code", browser.post, "/api/v1/auth/sign-in/factor", {"challenge": challenge, "code": totp(secret, now)})
    browser.post("/api/v1/auth/sign-in/factor", {"challenge": challenge, "code": totp(secret, now + 1)})
    same([each["id"] for each in browser.get("/api/v1/workspaces")["data"]], [workspace])
    step("an invited person makes an account from the mail and works in one workspace")
    browser.post("/api/v1/invitations", {"email": bob, "role": "member", "workspaces": [workspace]})
    invitation = mailed(bob, r"invitation\?token=([\w-]+)")
    other = browse()
    other.post("/api/v1/auth/invitation/accept", {"token": invitation, "name": "Bob", "password": PASSWORD})
    other.post("/api/v1/auth/sign-in", {"email": bob, "password": PASSWORD})
    same([each["id"] for each in other.get("/api/v1/workspaces")["data"]], [workspace])
    refused(403, "forbidden", other.post, "/api/v1/workspaces", {"name": "Mine"})
    step("a changed role ends the session within a second")
    person = next(each for each in browser.get("/api/v1/users")["data"] if each["email"] == bob)
    browser.ask("PATCH", f"/api/v1/users/{person['user']}", {"role": "viewer"})
    changed = time.monotonic()
    while True:
        try:
            other.get("/api/v1/workspaces")
        except Refusal as refusal:
            same(refusal.status, 401)
            break
        if time.monotonic() - changed > 1:
            fail("the session still works a second after its role was changed")
    same(other.post("/api/v1/auth/sign-in", {"email": bob, "password": PASSWORD})["role"], "viewer")
    step("an API key does what its scopes say, and nothing after it was taken back")
    key = browser.post("/api/v1/api-keys", {"name": "Journey", "scopes": ["campaigns:read"]})
    program = browse({"Authorization": f"Bearer {key['secret']}"})
    program.get("/api/v1/campaigns")
    refused(403, "forbidden", program.ask, "POST", "/api/v1/campaigns", {"name": "No"}, token=False)
    refused(403, "forbidden", program.get, "/api/v1/api-keys")
    browser.ask("DELETE", f"/api/v1/api-keys/{key['key']['id']}")
    refused(401, "unauthenticated", program.get, "/api/v1/campaigns")
    step("a forgotten password is set by mail, and every session ends")
    nobody = browse()
    known = nobody.post("/api/v1/auth/password/forgot", {"email": bob})
    same(nobody.post("/api/v1/auth/password/forgot", {"email": f"eve.{MARK}@penguin.example"}), known)
    reset = mailed(bob, r"reset-password\?token=([\w-]+)")
    nobody.post("/api/v1/auth/password/reset", {"token": reset, "password": PASSWORD + " again"})
    refused(401, "unauthenticated", other.get, "/api/v1/workspaces")
    refused(422, "reset_failed", nobody.post, "/api/v1/auth/password/reset", {"token": reset, "password": PASSWORD + " twice"})
    other.post("/api/v1/auth/sign-in", {"email": bob, "password": PASSWORD + " again"})
    step("guessing is slowed down, also for the right password")
    guesser = browse()
    for _ in range(6):
        last = refusal_of(guesser.post, "/api/v1/auth/sign-in", {"email": bob, "password": "guess after guess"})
    same((last.status, last.kind), (429, "too_many_attempts"))
    refused(429, "too_many_attempts", guesser.post, "/api/v1/auth/sign-in", {"email": bob, "password": PASSWORD + " again"})
    step("the trail knows all of it, and no secret")
    wanted = {
        "user.sign_up", "user.verify", "factor.enable", "invitation.create", "member.join", "member.change", "api_key.create", "api_key.revoke"}
    deadline = time.monotonic() + 30
    while missing := wanted - {each["action"] for each in browser.every("/api/v1/audit/events")}:
        if time.monotonic() > deadline:
            fail(f"the trail lacks {sorted(missing)}")
        time.sleep(0.3)
    trail = str(list(browser.every("/api/v1/audit/events")))
    for word in (PASSWORD, secret, key["secret"], invitation, reset, *recovery):
        if word in trail:
            fail("the trail holds a secret")
    print("done")


class Browser(Api):
    """A browser that may also do what ours would not."""

    def __init__(self, extra):
        super().__init__(URL, AUTHORITY)
        self._extra = extra

    def ask(self, method, path, body=None, token=True, origin=URL):
        import json

        headers = {"Content-Type": "application/json", "Origin": origin}
        if token:
            headers["X-CSRF-Token"] = self.get("/api/v1/auth/csrf")["csrf_token"]
        return self._ask(method, path, json.dumps(body).encode() if body is not None else None, headers)

    def _ask(self, method, path, body=None, headers=None, seconds=30):
        return super()._ask(method, path, body, {**(headers or {}), **self._extra}, seconds)


def browse(extra=None):
    return Browser(extra or {})


def totp(secret, at):
    digest = hmac.new(base64.b32decode(secret), struct.pack(">Q", at), hashlib.sha1).digest()
    start = digest[-1] & 15
    return f"{(struct.unpack('>I', digest[start:start + 4])[0] & 0x7FFFFFFF) % 1_000_000:06}"


def mailed(address, pattern):
    """What the newest mail to `address` says; waits for it."""
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        for mail in reversed(MAILS.mails()):
            found = re.search(pattern, mail.text()) if mail.recipients == (address,) else None
            if found:
                return found.group(found.lastindex or 0)
        time.sleep(0.1)
    fail(f"no mail with {pattern} came to {address}")


def refusal_of(work, *arguments, **options):
    try:
        work(*arguments, **options)
    except Refusal as refusal:
        return refusal
    fail(f"{arguments} was not refused")


def refused(status, kind, work, *arguments, **options):
    refusal = refusal_of(work, *arguments, **options)
    same((refusal.status, refusal.kind), (status, kind))
    return refusal.problem


def same(found, wanted):
    if found != wanted:
        fail(f"{found!r} instead of {wanted!r}")


def step(words):
    print(words, flush=True)


def fail(words):
    sys.exit(f"not as promised: {words}")


if __name__ == "__main__":
    main()
