"""PyTorch's wheel for the CPU, where this machine has one: hundreds of megabytes, not gigabytes.

It is on no index that all machines have: it is taken from the folder that PIP_FIND_LINKS names, and
comes, as a private package would, from an index on loopback.
"""

from __future__ import annotations

import os
import platform
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import indexes

MINOR = ".".join(platform.python_version_tuple()[:2])
HERE = f"sys_platform == 'linux' and platform_machine == '{platform.machine()}'"


def cpu_wheel() -> Path | None:
    """The newest wheel for this Python."""
    python = "cp" + MINOR.replace(".", "")
    folders = os.environ.get("PIP_FIND_LINKS", "").split()
    names = f"torch-*+cpu-{python}-{python}-*_{platform.machine()}.whl"
    found = [path for folder in folders for path in Path(folder).glob(names)]
    return max(found, default=None)


@contextmanager
def cpu_index(folder: Path) -> Iterator[str]:
    """The URL of an index that has this wheel and nothing else, as long as it is served."""
    wheel = cpu_wheel()
    assert wheel is not None
    folder.mkdir()
    (folder / wheel.name).symlink_to(wheel)
    with indexes.serving(folder) as index:
        yield index.url
