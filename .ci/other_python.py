"""Print the path of another Python on this machine, of the minor release named; fail without one.

Holdfast's own search: past shims and virtual environments, where `uv python find` gives up.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from holdfast.environment.python import choose_python
from holdfast.errors import HoldfastError

with tempfile.TemporaryDirectory() as scratch:
    try:
        found = choose_python(
            f"{sys.argv[1]}.0", "cpython", offline=True, strict=False, remembered=Path(scratch)
        )
    except HoldfastError as error:
        sys.exit(str(error))
print(found.path)
