"""Where the isolation tests find the project's tools and the people of the console's tests."""

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
for folder in (ROOT / "Tools", ROOT / "Tests" / "Console"):
    if str(folder) not in sys.path:
        sys.path.insert(0, str(folder))
