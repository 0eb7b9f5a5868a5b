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
    Screen("mailboxes", "/dashboard/workspaces/{slug}/emails", wait="pm-table"),
    Screen("mailbox", "/dashboard/workspaces/{slug}/emails/{mailbox}", wait=".stats"),
    Screen("mailbox-imap", "/dashboard/workspaces/{slug}/emails/{mailbox}?edit=imap", wait="dialog[open]"),
    Screen("domains", "/dashboard/workspaces/{slug}/domains", wait="pm-table"),
    Screen("domain", "/dashboard/workspaces/{slug}/domains/{domain}", wait=".steps"),
    Screen("domain-unproved", "/dashboard/workspaces/{slug}/domains/{unproved}", wait=".steps"),
    Screen("domain-new", "/dashboard/workspaces/{slug}/domains?open=new", wait="dialog[open]"),
    # Inbox
    # Company
    Screen("billing", "/dashboard/settings/billing", wait=".stats"),
    Screen("plans", "/dashboard/settings/billing/plans", wait=".grid .card"),
    Screen("profile", "/dashboard/settings/profile"),
    Screen("security", "/dashboard/settings/security", wait="pm-table"),
    Screen("team", "/dashboard/settings/team", wait="pm-table"),
    Screen("team-invite", "/dashboard/settings/team?open=new", wait="dialog[open]"),
    Screen("organisation", "/dashboard/settings/organization", wait=".card"),
    Screen("api-keys", "/dashboard/settings/developers", wait="pm-table"),
    Screen("api-keys-empty", "/dashboard/settings/developers", "empty", wait=".empty"),
    Screen("api-key-new", "/dashboard/settings/developers?open=new", wait="dialog[open]"),
    Screen("workspaces", "/dashboard/workspaces", wait="pm-table"),
    Screen("workspaces-empty", "/dashboard/workspaces", "empty", wait=".empty"),
    Screen("workspace-settings", "/dashboard/workspaces/{slug}/settings", wait=".card"),
    Screen("webhooks", "/dashboard/settings/webhooks", wait="pm-table"),
    Screen("webhooks-empty", "/dashboard/settings/webhooks", "empty", wait=".empty"),
    Screen("webhook", "/dashboard/settings/webhooks/{webhook}", wait=".filters"),
    Screen("webhook-new", "/dashboard/settings/webhooks?open=new", wait="dialog[open]"),
    Screen("support", "/dashboard/support", wait="pm-table"),
    Screen("support-session", "/dashboard/support?open={support}", wait=".timeline"),
    Screen("support-empty", "/dashboard/support", "empty", wait=".empty"),
    # Platform
]
