"""Every screen × light and dark × 1280 and 375 px: axe, console, policy, layout; a picture of each.

Each is looked at in two of these four views, light and dark, narrow and wide; in all of them by `./penguin test --full`.
"""

import os
import unittest

import people
from browser import POLICY, Visit
from screens import SCREENS

SCHEMES = ("light", "dark")
WIDTHS = (1280, 375)


class ScreenTests(unittest.TestCase):
    maxDiff = None

    def look(self, screen, scheme, width):
        person = people.of(screen.who)
        path = screen.path.format(**vars(person.ids)) if person else screen.path
        with Visit(person, scheme, width, 800 if width > 400 else 812, screen.allowed) as visit:
            page = visit.open(path, None if screen.act else screen.wait)
            if screen.act:
                screen.act(page)
                visit.settle(screen.wait)
            visit.shoot(f"{screen.name}-{scheme}-{width}")
            faults = visit.faults + visit.axe() + visit.refused() + visit.layout_faults()
            if visit.policy != POLICY:
                faults.append(f"policy: the page has another one: {visit.policy}")
            if not page.title().endswith(" – PenguinMails"):
                faults.append(f"title: {page.title()}")
            self.assertEqual(faults, [])


def _add(screen, scheme, width):
    def test(self):
        self.look(screen, scheme, width)
    name = f"test_{screen.name}_{scheme}_{width}".replace("-", "_")
    assert not hasattr(ScreenTests, name), f"there are two screens {screen.name}"
    setattr(ScreenTests, name, test)


for _number, _screen in enumerate(SCREENS):
    for _scheme in SCHEMES:
        for _width in WIDTHS:
            if os.environ.get("PENGUIN_TEST_FULL") or (_number + SCHEMES.index(_scheme) + WIDTHS.index(_width)) % 2 == 0:
                _add(_screen, _scheme, _width)

if __name__ == "__main__":
    unittest.main()
