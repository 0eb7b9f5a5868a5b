"""How the console is looked at: a browser that writes down whatever is wrong."""

import atexit
import os
import re
from functools import cache
from pathlib import Path

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import sync_playwright

from ground import ROOT, ground

OUT = Path(os.environ.get("PENGUIN_CONSOLE_OUT") or ROOT / ".local" / "console" / "screens")
BROWSERS = ("/usr/bin/chromium-headless-shell", "/usr/bin/chromium")
AXE = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"], "iframes": False}
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; font-src 'self'; connect-src 'self'; frame-src 'self'; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types lit-html")
# Whatever the policy refuses is written to the console, and to the page for the tests.
# The first heading leaves a mark in time.
LISTENER = """new MutationObserver((_, observer) => {
    if (!document.querySelector('main h1')) return;
    performance.mark('heading');
    observer.disconnect();
}).observe(document, { childList: true, subtree: true });
globalThis.shifted = 0;
new PerformanceObserver((list) => { for (const one of list.getEntries()) if (!one.hadRecentInput) shifted += one.value; }).observe({ type: 'layout-shift', buffered: true });
globalThis.refused = []; addEventListener('securitypolicyviolation', (event) => refused.push(`${event.violatedDirective} ${event.blockedURI} ${event.sample}`));"""


@cache
def chromium():
    """One browser for all tests of a run."""
    driver = sync_playwright().start()
    browser = driver.chromium.launch(executable_path=next(path for path in BROWSERS if os.path.exists(path)), args=["--no-sandbox"])
    atexit.register(driver.stop)
    atexit.register(browser.close)
    return browser


class Visit:
    """A page of somebody, in one size and scheme; `faults` collects console output, page errors and refusals of the policy."""

    def __init__(self, person=None, scheme="light", width=1280, height=800, allowed=()):
        self.context = chromium().new_context(
            ignore_https_errors=True, viewport={"width": width, "height": height}, color_scheme=scheme, reduced_motion="reduce", locale="en-GB")
        self.context.add_init_script(LISTENER)
        self.context.set_default_timeout(45_000)
        if person:
            self.context.add_cookies(person.cookies())
        self.page = self.context.new_page()
        self.allowed = allowed
        self.faults = []
        self.policy = None
        self.page.on("console", lambda message: self._note(f"console {message.type}: {message.text} {message.location.get('url', '')}".strip()))
        self.page.on("pageerror", lambda error: self._note(f"error: {error}"))

    def _note(self, text):
        if not any(re.search(pattern, text) for pattern in self.allowed):
            self.faults.append(text)

    def open(self, path, wait=None):
        """Goes there and waits until the page is settled: a heading, nothing loading, and what `wait` selects."""
        answer = self.page.goto(ground().url + path)
        self.policy = answer.headers.get("content-security-policy")
        return self.settle(wait)

    def settle(self, wait=None):
        self.page.wait_for_selector("main h1")
        if wait:
            self.page.wait_for_selector(wait)
        self.page.wait_for_selector("[data-wait], .await, .skeleton, [aria-busy=true]", state="detached")
        return self.page

    def axe(self):
        """What axe finds wrong, one line each."""
        answer = Axe().run(self.page, options=AXE).response
        return [f"axe {found['id']}: {node['html'][:160]} ({' '.join(node['failureSummary'].split())[:220]})" for found in answer["violations"] for node in found["nodes"]]

    def refused(self):
        return [f"policy: {line}" for line in self.page.evaluate("globalThis.refused")]

    def layout_faults(self):
        """What is wider than the page, and headings that are not one."""
        faults = []
        if self.page.evaluate("document.documentElement.scrollWidth > innerWidth"):
            wide = self.page.evaluate(
                "[...document.querySelectorAll('main *')].filter((one) => one.getBoundingClientRect().right > innerWidth + 1 && !one.closest('.scroll, .tabs, dialog')).slice(0, 3).map((one) => one.outerHTML.slice(0, 120))")
            faults.append(f"layout: wider than the window: {wide}")
        if self.page.locator("[onerror], [onload]").count():
            faults.append("names: a hostile name became an element")
        if self.page.locator("main h1").count() != 1:
            faults.append("layout: there must be exactly one h1")
        return faults

    def shoot(self, name):
        OUT.mkdir(parents=True, exist_ok=True)
        self.page.screenshot(path=str(OUT / f"{name}.png"), full_page=True)

    def close(self):
        self.context.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
