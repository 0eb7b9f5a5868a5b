"""The one table of what is looked at: every screen, in light and dark, wide and narrow. Whoever adds a screen adds its lines here.

Screen(name, path, who, wait, act): `who` is full (a company with data), empty, nobody, or a role of the staff (ops, support, finance, super_admin);
`{slug}`, `{campaign}` … in the path are the `ids` of that person (people.py); `wait` is a selector that says that the content is there;
`act(page)` does something first, such as opening a dialog.
"""

from dataclasses import dataclass
from typing import Callable, Optional


@dataclass(frozen=True)
class Screen:
    name: str
    path: str
    who: str = "full"
    wait: Optional[str] = None
    act: Optional[Callable] = None


def palette(page):
    page.keyboard.press("Control+k")
    page.wait_for_selector("#commands")


def keys(page):
    page.keyboard.press("?")
    page.wait_for_selector("dl.keys")


def trail_entry(page):
    page.locator("tr[data-row] a").first.click()
    page.wait_for_selector("dialog .facts")
    page.get_by_role("button", name="Check this entry").click()
    page.wait_for_selector("dialog .checks .done")


SCREENS = [
    # The way in
    Screen("sign-in", "/login", "nobody"),
    Screen("sign-up", "/register", "nobody"),
    Screen("two-factor", "/two-factor", "nobody"),
    Screen("forgot-password", "/forgot-password", "nobody"),
    Screen("check-mail", "/verify", "nobody"),
    # Home and what every page has
    Screen("home", "/dashboard"),
    Screen("home-empty", "/dashboard", "empty"),
    Screen("palette", "/dashboard", act=palette),
    Screen("keys", "/dashboard", act=keys),
    Screen("not-found", "/dashboard/nothing-here"),
    Screen("no-permission", "/dashboard/system/queues", "empty"),
    # Leads
    # Campaigns and templates
    # Mailboxes and domains
    # Inbox
    # Company
    Screen("audit", "/dashboard/audit", wait="tr[data-row]"),
    Screen("audit-search", "/dashboard/audit?q=action%3Acampaign.*%20-outcome%3Adenied&days=7", wait=".chip"),
    Screen("audit-none", "/dashboard/audit?q=action%3Anothing.here&days=30", wait=".empty"),
    Screen("audit-entry-beside", "/dashboard/audit", wait="dialog[open]", act=trail_entry),
    Screen("audit-entry", "/dashboard/audit/{entry}", wait=".diff"),
    Screen("audit-export", "/dashboard/audit?panel=export", wait="dialog[open] form"),
    Screen("audit-integrity", "/dashboard/audit?panel=check", wait="dialog[open] .checks"),
    # Platform
    Screen("platform-audit-begin", "/dashboard/users", "support", wait="form"),
    Screen("platform-audit", "/dashboard/users?session={session}", "support", wait="tr[data-row]"),
    Screen("platform-audit-platform", "/dashboard/users?tenant=platform", "super_admin", wait=".filters"),
    Screen("platform-support", "/dashboard/support/audit", "support", wait="tr[data-row]"),
    Screen("platform-support-session", "/dashboard/support/audit?open={session}", "support", wait="dialog[open]"),
]
