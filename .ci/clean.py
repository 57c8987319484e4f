"""What must not be in git: lockfiles, hosts of package registries, paths of somebody's machine."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

# Written apart, so that this file does not name what it looks for.
_HOSTS = ("py" + r"pi\.org", "python" + "hosted", "npm" + r"js\.(org|com)", "deb" + r"\.debian\.")
_PATHS = (r"/root/\.", r"/home/[a-z]+/", r"/work/(main|shared)", r"/Users/[A-Za-z]+/")
_FORBIDDEN = re.compile("|".join((*_HOSTS, *_PATHS)))
_EXAMPLES = {"/Users/me/", "/home/ada/"}

root = Path(__file__).parents[1]
names = subprocess.run(
    ["git", "ls-files", "-z"], cwd=root, capture_output=True, text=True, check=True
).stdout.split("\0")
problems = [f"{name}: a lockfile" for name in names if name.endswith("uv.lock")]
for name in filter(None, names):
    path = root / name
    if name == ".ci/clean.py" or not path.is_file():
        continue
    text = path.read_text(encoding="utf-8", errors="replace")
    for number, line in enumerate(text.splitlines(), 1):
        found = _FORBIDDEN.search(line)
        if found and found[0] not in _EXAMPLES:
            problems.append(f"{name}:{number}: {found[0]}")
if problems:
    sys.exit("\n".join(problems))
