"""The one table of what is looked at: every screen, in light and dark, wide and narrow. Whoever adds a screen adds its lines here.

Screen(name, path, who, wait, act): `who` is full (a company with data), empty, nobody, or a role of the staff (ops, support, finance, super_admin);
`{slug}`, `{campaign}` … in the path are the `ids` of that person (people.py); `wait` is a selector that says that the content is there;
`act(page)` does something first, such as opening a dialog; `allowed` are patterns of console output that is no fault there.
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
    allowed: tuple = ()


def palette(page):
    page.keyboard.press("Control+k")
    page.wait_for_selector("#commands")


def keys(page):
    page.keyboard.press("?")
    page.wait_for_selector("dl.keys")


def new_campaign(page):
    page.wait_for_selector("[data-row]")
    page.keyboard.press("c")
    page.wait_for_selector("dialog[open]")


def mail_of_step(page):
    page.locator(".steps button.link").first.click()
    page.wait_for_selector("dialog[open] pre")


def decision_log(page):
    page.locator("[data-row] [data-main]").first.click()
    page.wait_for_selector("dialog[open] .timeline")


def pausing(page):
    page.wait_for_selector(".parts")
    page.keyboard.press("p")
    page.wait_for_selector("dialog[open]")


def pausing_queue(page):
    page.get_by_role("button", name="Pause", exact=True).click()
    page.wait_for_selector("dialog[open]")


def as_laid_out(page):
    page.locator("article summary:has-text('laid out')").first.click()
    page.wait_for_selector("iframe")


CAMPAIGNS = "/dashboard/workspaces/{slug}/campaigns"


def importing(step):
    """A file with good and bad rows, as far as that step."""
    def act(page):
        content = "E-mail;Vorname;Firma;Stadt\nada@example.org;Ada;<img src=x>;Oslo\nnobody@;Bo;Acme;Rom\n;Cy;Acme;Rom\n"
        page.set_input_files("input[type=file]", {"name": "messe.csv", "mimeType": "text/csv", "buffer": content.encode()})
        page.wait_for_selector("main h2")
        if step == "rules":
            page.click("main button.primary")
            page.wait_for_selector("main input[type=radio]")
    return act


def choosing(page):
    for at in (0, 1):
        page.locator("td.pick input").nth(at).click()


def bulk(page):
    choosing(page)
    page.click(".bulk >> text=Unsubscribe")
    page.wait_for_selector("dialog")


def settling(page):
    choosing(page)
    page.click(".bulk >> text=Send again")
    page.wait_for_selector("dialog")


def enrolling(page):
    page.get_by_role("button", name="Set up").click()
    page.wait_for_selector("svg.code")


LEADS = "/dashboard/leads?workspace={slug}"
TEMPLATES = "/dashboard/workspaces/{slug}/templates"

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
    Screen("audit", "/dashboard/audit", wait="tr[data-row]"),
    Screen("audit-search", "/dashboard/audit?q=action%3Acampaign.*%20-outcome%3Adenied&days=7", wait=".chip"),
    Screen("audit-none", "/dashboard/audit?q=action%3Anothing.here&days=30", wait=".empty"),
    Screen("audit-entry-beside", "/dashboard/audit", wait="dialog[open]", act=trail_entry),
    Screen("audit-entry", "/dashboard/audit/{entry}", wait=".diff"),
    Screen("audit-export", "/dashboard/audit?panel=export", wait="dialog[open] form"),
    Screen("audit-integrity", "/dashboard/audit?panel=check", wait="dialog[open] .checks"),
    Screen("trail-retention", "/dashboard/audit/settings", wait=".checks"),
    Screen("trail-holds", "/dashboard/audit/settings?tab=holds", wait="pm-table"),
    Screen("trail-holds-empty", "/dashboard/audit/settings?tab=holds", "empty", wait=".empty"),
    Screen("trail-hold-new", "/dashboard/audit/settings?tab=holds&open=new", wait="dialog[open] form"),
    Screen("trail-copies", "/dashboard/audit/settings?tab=copies", wait=".facts"),
    Screen("trail-copies-empty", "/dashboard/audit/settings?tab=copies", "empty", wait=".empty", allowed=(r"status of 404",)),
    Screen("trail-copies-where", "/dashboard/audit/settings?tab=copies&open=copy", wait="dialog[open] form"),
    Screen("trail-waiting", "/dashboard/audit/settings?tab=waiting", wait="pm-table"),
    Screen("trail-viewer", "/dashboard/audit/settings", "viewer", wait=".empty"),
    Screen("trail-intake", "/dashboard/system/trail", "super_admin", wait="pm-table"),
    Screen("platform-audit-begin", "/dashboard/users", "support", wait="form"),
    Screen("platform-audit", "/dashboard/users?session={session}", "support", wait="tr[data-row]"),
    Screen("platform-audit-platform", "/dashboard/users?tenant=platform", "super_admin", wait=".filters"),
    Screen("platform-support", "/dashboard/support/audit", "support", wait="tr[data-row]"),
    Screen("platform-support-session", "/dashboard/support/audit?open={session}", "support", wait="dialog[open]"),
    # Leads
    Screen("leads", LEADS, wait="td.main"),
    Screen("leads-filtered", LEADS + "&q=nobody+at+all", wait=".empty"),
    Screen("leads-empty", "/dashboard/leads", "empty", wait=".empty"),
    Screen("leads-chosen", LEADS, act=choosing),
    Screen("leads-bulk", LEADS, act=bulk),
    Screen("lead", LEADS + "&open={lead}", wait="pm-lead .timeline"),
    Screen("lead-new", LEADS + "&panel=new", wait="pm-new-lead form"),
    Screen("leads-exports", LEADS + "&panel=exports", wait="pm-lead-exports td"),
    Screen("leads-fields", LEADS + "&panel=fields", wait="pm-lead-fields td"),
    Screen("import", "/dashboard/leads/import?workspace={slug}", wait=".drop"),
    Screen("import-columns", "/dashboard/leads/import?workspace={slug}", act=importing("columns")),
    Screen("import-rules", "/dashboard/leads/import?workspace={slug}", act=importing("rules")),
    Screen("import-result", "/dashboard/leads/imports/{imported}", wait="pm-table td"),
    Screen("imports", "/dashboard/leads/imports?workspace={slug}", wait="td.main"),
    Screen("segments", "/dashboard/leads/segments?workspace={slug}", wait="td.main"),
    Screen("lists", "/dashboard/leads/segments?tab=lists&workspace={slug}", wait="td.main"),
    Screen("segments-empty", "/dashboard/leads/segments", "empty", wait=".empty"),
    Screen("segment", "/dashboard/leads/segments/{segment}", wait=".stat"),
    Screen("list", "/dashboard/leads/lists/{list}", wait="td.main"),
    Screen("segment-new", "/dashboard/leads/segments/new", wait=".tree"),
    Screen("suppressions", "/dashboard/leads/suppressions", wait="pm-table"),
    Screen("suppressions-empty", "/dashboard/leads/suppressions", "empty", wait=".empty"),
    Screen("suppressions-none", "/dashboard/leads/suppressions?address=nobody%40example.com&reason=legal", wait=".empty"),
    Screen("suppressions-new", "/dashboard/leads/suppressions?open=new", wait="dialog[open] form"),
    Screen("suppressions-import", "/dashboard/leads/suppressions?open=import", wait="dialog[open] .drop"),
    Screen("leads-viewer", "/dashboard/leads", "viewer", wait=".empty"),
    # Campaigns and templates
    Screen("campaigns", CAMPAIGNS, wait="[data-row]"),
    Screen("campaigns-begin", "/dashboard/workspaces/begin/campaigns", "beginner", ".grid"),
    Screen("campaigns-none", CAMPAIGNS + "?status=scheduled", wait=".empty"),
    Screen("campaign-new", CAMPAIGNS, act=new_campaign),
    Screen("builder", CAMPAIGNS + "/{sequence}/edit", wait="#checks"),
    Screen("builder-empty", CAMPAIGNS + "/{draft}/edit", wait="#checks"),
    Screen("builder-running", CAMPAIGNS + "/{waiting}/edit", wait="#steps"),
    # Axe asks the frame of the preview, which answers nobody.
    Screen("builder-mail", CAMPAIGNS + "/{sequence}/edit", act=mail_of_step),
    Screen("progress", CAMPAIGNS + "/{campaign}", wait=".parts"),
    Screen("progress-paused", CAMPAIGNS + "/{paused}", wait=".hint"),
    Screen("progress-pausing", CAMPAIGNS + "/{waiting}", act=pausing),
    Screen("progress-unclear", "/dashboard/workspaces/{other}/campaigns/{unclear}", wait=".checks .warn"),
    Screen("progress-draft", CAMPAIGNS + "/{draft}", wait=".hint"),
    Screen("campaign-figures", CAMPAIGNS + "/{campaign}?tab=figures", wait="pm-chart"),
    Screen("campaign-leads", CAMPAIGNS + "/{campaign}?tab=leads", wait="[data-row]"),
    Screen("campaign-log", CAMPAIGNS + "/{campaign}?tab=leads", act=decision_log),
    Screen("campaign-gone", CAMPAIGNS + "/01a221c1-f526-71c2-9374-000000000000", wait=".problem", allowed=(r"status of 404",)),
    Screen("templates", TEMPLATES, wait="td.main"),
    Screen("template-new", TEMPLATES + "/new", wait=".card pre"),
    Screen("template", TEMPLATES + "/{template}", wait="pm-preview"),
    Screen("template-lead", TEMPLATES + "/{template}?part=html&view=text&lead={lead}", wait=".card pre"),
    Screen("template-versions", TEMPLATES + "/{versioned}?panel=versions&version=1", wait="dialog .diff"),
    Screen("template-test", TEMPLATES + "/{template}?panel=test", wait="dialog form"),
    # Mailboxes and domains
    Screen("mailboxes", "/dashboard/workspaces/{slug}/emails", wait="pm-table"),
    Screen("mailbox", "/dashboard/workspaces/{slug}/emails/{mailbox}", wait=".stats"),
    Screen("mailbox-warming", "/dashboard/workspaces/{slug}/emails/{warming}", wait=".stats"),
    Screen("mailbox-imap", "/dashboard/workspaces/{slug}/emails/{mailbox}?edit=imap", wait="dialog[open]"),
    Screen("domains", "/dashboard/workspaces/{slug}/domains", wait="pm-table"),
    Screen("domain", "/dashboard/workspaces/{slug}/domains/{domain}", wait=".steps"),
    Screen("domain-unproved", "/dashboard/workspaces/{slug}/domains/{unproved}", wait=".steps"),
    Screen("domain-new", "/dashboard/workspaces/{slug}/domains?open=new", wait="dialog[open]"),
    # What the company's mail does
    Screen("sending", "/dashboard/settings/sending", wait="pm-table"),
    Screen("sending-empty", "/dashboard/settings/sending", "empty", ".empty"),
    Screen("sending-viewer", "/dashboard/settings/sending", "viewer", ".card .note"),
    Screen("unclear", "/dashboard/unclear", wait="[data-row]"),
    Screen("unclear-chosen", "/dashboard/unclear", act=choosing),
    Screen("unclear-settling", "/dashboard/unclear", act=settling),
    Screen("unclear-none", "/dashboard/unclear", "empty", ".empty"),
    # Inbox
    Screen("inbox", "/dashboard/inbox", wait=".threads li"),
    Screen("inbox-thread", "/dashboard/inbox/{thread}", wait="article"),
    Screen("inbox-laid-out", "/dashboard/inbox/{thread}", act=as_laid_out, allowed=(r"postMessage",)),
    Screen("inbox-empty", "/dashboard/inbox", "beginner", ".empty"),
    Screen("inbox-none", "/dashboard/inbox?q=nobody-is-called-so", wait=".empty"),
    # Company
    Screen("billing", "/dashboard/settings/billing", wait=".stats"),
    Screen("plans", "/dashboard/settings/billing/plans", wait=".grid .card"),
    Screen("profile", "/dashboard/settings/profile"),
    Screen("security", "/dashboard/settings/security", wait="pm-table"),
    Screen("security-enrol", "/dashboard/settings/security", act=enrolling),
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
    Screen("queues", "/dashboard/system/queues", "super_admin", "pm-table"),
    Screen("queue", "/dashboard/system/queues/{queue}?state={state}", "super_admin", "pm-table"),
    Screen("queue-empty", "/dashboard/system/queues/warmup%3Aprocess?state=failed", "support", ".empty"),
    Screen("queue-pause", "/dashboard/system/queues/maintenance", "ops", act=pausing_queue),
    Screen("job", "/dashboard/system/queues/{queue}/jobs/{job}", "super_admin", ".facts"),
    Screen("job-gone", "/dashboard/system/queues/maintenance/jobs/01a221c1-f526-71c2-9374-000000000000", "ops", ".problem", allowed=(r"status of 404",)),
    Screen("tenants", "/dashboard/tenants", "super_admin", "pm-table"),
    Screen("tenants-none", "/dashboard/tenants?q=nobody-is-called-so", "support", ".empty"),
    Screen("tenant", "/dashboard/tenants/{company}", "super_admin", ".usage"),
    Screen("tenant-suspended", "/dashboard/tenants/{suspended}", "super_admin", ".usage"),
    Screen("tenant-grant", "/dashboard/tenants/{company}?open=grant", "finance", "dialog[open]"),
    Screen("users", "/dashboard/system/users", "super_admin", "pm-table"),
    Screen("user", "/dashboard/system/users/{user}", "super_admin", ".facts"),
    Screen("platform-suppressions", "/dashboard/system/suppressions", "super_admin", "pm-table"),
    Screen("platform-suppressions-new", "/dashboard/system/suppressions?open=new", "ops", "dialog[open] form"),
    Screen("platform-reputation", "/dashboard/system/reputation", "super_admin", ".filters"),
    Screen("platform-reputation-none", "/dashboard/system/reputation?band=red&held=true", "support", ".empty"),
    Screen("finance", "/dashboard/finance", "super_admin", "pm-table"),
    Screen("finance-plans", "/dashboard/finance?tab=plans", "finance", "pm-table"),
    Screen("finance-plan", "/dashboard/finance?tab=plans&open=starter", "finance", "dialog form"),
    Screen("finance-webhooks", "/dashboard/finance?tab=webhooks", "super_admin", "pm-table"),
    Screen("incidents", "/dashboard/system/status", "super_admin", "pm-table"),
    Screen("incident", "/dashboard/system/status?open={incident}", "super_admin", "dialog .timeline"),
    Screen("incident-new", "/dashboard/system/status?open=new", "ops", "dialog form"),
    Screen("maintenance-new", "/dashboard/system/status?open=work", "ops", "dialog form"),
]
