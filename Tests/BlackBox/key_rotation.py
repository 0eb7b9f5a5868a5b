"""Every key and password of a stack is changed while somebody works: what the old ones sealed and signed is still read.

    key_rotation.py FOLDER

Starts a stack in FOLDER. Prints a line a step; ends with 1 at the first thing that is not so.
"""

import os
import re
import ssl
import subprocess
import sys
import threading
import time
import urllib.request
from pathlib import Path

from trial import BEGAN, ROOT, company, finished, penguin, same, step, write_leads

from penguin.backup_database import Database
from penguin.layout import SERVICES, Layout, read_json

# As ./penguin, with less patience for tokens of an old key: nobody but these services holds any here.
ROTATE = "import sys; sys.argv[0] = './penguin'; from penguin import rotate, __main__; rotate.TOKEN_SECONDS = 5; sys.exit(__main__.main())"


def main(folder):
    layout = Layout(folder)
    penguin(layout, "up", "--detach", "--no-build")
    try:
        trial(layout)
    finally:
        penguin(layout, "down", check=False)


def trial(layout):
    journey = company(layout)
    campaign(journey, layout, "before")
    old = links(journey)
    same(len(old), 2)
    watch = Watch(journey.api)
    watch.start()
    for name, check in (("encryption", encryption), ("trail", trail), ("postgres", postgres), ("tls", tls), ("services", services)):
        before = snapshot(layout)
        step(f"another {name}")
        print(rotate(layout, name).stderr, flush=True)
        check(layout, before, snapshot(layout))
    watch.stopped.set()
    watch.join(30)
    step(f"{watch.done} requests meanwhile, {len(watch.failures)} failed")
    same(watch.failures, [])
    step("the mailbox, whose password the old key has sealed, sends; the session lives")
    campaign(journey, layout, "after")
    step("the links of mails that are out still lead out of the list, and new ones do")
    new = [link for link in links(journey) if link not in old]
    same(len(new), 2)
    for link in (old[0], new[1]):
        same(opener(layout).open(urllib.request.Request(link, data=b"List-Unsubscribe=One-Click",
            headers={"Content-Type": "application/x-www-form-urlencoded"})).status // 100, 2)
    step("the doctor finds nothing to mend")
    same(penguin(layout, "doctor").returncode, 0)
    print(penguin(layout, "rotate-key").stderr, flush=True)


class Watch(threading.Thread):
    """Somebody who works meanwhile."""

    def __init__(self, api):
        super().__init__(daemon=True)
        self.api, self.stopped, self.done, self.failures = api, threading.Event(), 0, []

    def run(self):
        paths = ("/api/v1/auth/session", "/api/v1/campaigns", "/api/v1/mailboxes", "/api/v1/billing/subscription", "/api/v1/audit/events")
        while not self.stopped.wait(0.05):
            try:
                self.api.get(paths[self.done % len(paths)], patience=-1)
                self.done += 1
            except Exception as error:
                self.failures.append(f"{time.monotonic() - BEGAN:.1f} s: {error}")


def snapshot(layout):
    """What the files say, and how a stranger with the passwords of now fares."""
    return {
        "ring": read_json(layout.keys / "encryption.json"), "trail": read_json(layout.keys / "trail.json"), "secrets": read_json(layout.secrets),
        "public": {entry["kid"]: entry["x"] for entry in read_json(layout.keys / "services.jwks")["keys"]},
        "certificate": (layout.certificates / "gateway.pem").read_text(), "verifiers": (layout.keys / "trail.pub").read_text().splitlines()}


def encryption(layout, before, after):
    same((before["ring"]["current"], after["ring"]["current"]), ("k1", "k2"))
    same(after["ring"]["keys"]["k1"], before["ring"]["keys"]["k1"])


def trail(layout, before, after):
    same(after["trail"]["keys"][1:], before["trail"]["keys"])
    same(set(before["verifiers"]) < set(after["verifiers"]), True)


def postgres(layout, before, after):
    same([name for name in after["secrets"] if not name.startswith("mail_") and after["secrets"][name] == before["secrets"][name]], [])
    port = read_json(layout.state)["ports"]["postgres"]
    for secrets, works in ((before["secrets"], False), (after["secrets"], True)):
        result = subprocess.run(Database.local(port, secrets["postgres"]).psql("-c", "select 1"),
            env={**os.environ, "PGPASSWORD": secrets["postgres"]}, capture_output=True)
        same(result.returncode == 0, works)


def tls(layout, before, after):
    same(before["certificate"] == after["certificate"], False)


def services(layout, before, after):
    same(sorted(after["public"]), [f"{service}.2" for service in sorted(SERVICES)])
    same(set(before["public"].values()) & set(after["public"].values()), set())


def campaign(journey, layout, name):
    """Two leads, from the import to the last mail."""
    journey.import_leads(write_leads(layout.folder / f"{name}.csv", 2, name))
    journey.launch()
    journey.watch()


def links(journey):
    """The one-click links of the mails in the store, once each: an earlier lead is in the second campaign, too."""
    found = {}
    for mail in journey.stored():
        match = re.search(r"^List-Unsubscribe: *\s*<(https://[^>]+)>", Path(mail.path).read_text(errors="replace"), re.MULTILINE)
        if match and mail.recipients not in found:
            found[mail.recipients] = match.group(1)
    return list(found.values())


def opener(layout):
    context = ssl.create_default_context(cafile=str(layout.authority))
    return urllib.request.build_opener(urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=context))


def rotate(layout, name):
    return finished(["/usr/bin/python3", "-B", "-c", ROTATE, "rotate-key", name], layout, True, PYTHONPATH=str(ROOT / "Tools"))


main(sys.argv[1])
