"""Print a command of the README: the code block after the comment that names it."""

from __future__ import annotations

import re
import sys
from pathlib import Path

readme = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")
found = re.search(rf"<!-- {sys.argv[1]} -->\n```sh\n(.*?)```", readme, re.DOTALL)
if found is None:
    sys.exit(f"README.md has no command <!-- {sys.argv[1]} -->")
print(found[1].strip())
