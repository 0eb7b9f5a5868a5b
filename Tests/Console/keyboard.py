"""A person who has a keyboard and no mouse: goes by Tab and by keys, and by nothing else."""

from browser import Visit

# The accessible name of what has the focus, near enough: its label, or what it says.
NAME = """() => { const one = document.activeElement;
    const labelled = (one.getAttribute('aria-labelledby') ?? '').split(' ').map((id) => document.getElementById(id)?.textContent ?? '').join(' ').trim();
    const text = one.getAttribute('aria-label') || labelled || [...(one.labels ?? [])].map((label) => label.textContent).join(' ') || one.textContent;
    return text.replace(/\\s+/g, ' ').trim(); }"""


class Keyboard:
    def __init__(self, visit: Visit):
        self.visit = visit
        self.page = visit.page

    @property
    def focused(self):
        return self.page.evaluate(NAME)

    def reach(self, name, back=False, limit=120):
        """Tab until what is named has the focus; its outline must be seen."""
        seen = []
        for _ in range(limit):
            if self.focused.startswith(name):
                outline = self.page.evaluate("(getComputedStyle(document.activeElement).outlineStyle !== 'none') || document.activeElement.matches('h1, h2, main, [type=file]')")
                assert outline, f"{name} has the focus and does not show it"
                return self
            seen.append(self.focused[:40])
            self.page.keyboard.press("Shift+Tab" if back else "Tab")
        raise AssertionError(f"no way by Tab to {name!r}; passed {seen}")

    def press(self, *keys):
        for key in keys:
            self.page.keyboard.press(key)
        return self

    def type(self, text):
        self.page.keyboard.press("Control+a")
        self.page.keyboard.type(text)
        return self

    def fill(self, name, text):
        return self.reach(name).type(text)

    def choose(self, name, text):
        """Chooses in a list by typing the beginning of the word, as browsers let one do."""
        self.reach(name)
        self.page.keyboard.type(text)
        return self

    def go(self, words, wait):
        """By the palette."""
        self.press("Control+k")
        self.page.wait_for_selector("#commands")
        self.page.keyboard.type(words)
        self.press("Enter")
        self.page.wait_for_url(wait)
        self.visit.settle()
        return self
