"""Who still names a file that nobody needs any more: the project's build, or its other tools."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path

_OF_THE_BUILD = ("setup.py", "setup.cfg", "MANIFEST.in", "pyproject.toml")
_OF_OTHERS = (
    "Dockerfile*", "Containerfile*", "*.Dockerfile", "docker/*", "Makefile", "justfile", "tox.ini",
    "noxfile.py", "*.sh", "scripts/*.sh", ".github/workflows/*.y*ml", ".gitlab-ci.yml",
    ".circleci/config.yml", "azure-pipelines.yml", "Jenkinsfile", ".readthedocs.y*ml",
    ".pre-commit-config.yaml", "MLproject", "README*", "CONTRIBUTING*",
)  # fmt: skip
_LARGEST = 1 << 20


def needed_by_build(folder: Path, names: Iterable[str]) -> frozenset[str]:
    """Those of the files `names` that the project's build names, too."""
    texts = [_text(folder / one) for one in _OF_THE_BUILD]
    return frozenset(name for name in names if any(_names(name, text) for text in texts))


def mentions(folder: Path, names: Iterable[str]) -> Iterator[str]:
    """A line for each file that names one of `names`: where it does."""
    wanted = tuple(names)
    paths = sorted({path for pattern in _OF_OTHERS for path in folder.glob(pattern)})
    for path in paths:
        for number, line in enumerate(_text(path).splitlines(), start=1):
            found = next((name for name in wanted if _names(name, line)), None)
            if found:
                where = path.relative_to(folder).as_posix()
                yield f"{where}, line {number}, names {found}: `uv sync --locked` takes its place"
                break


def _names(name: str, text: str) -> bool:
    return re.search(rf"(?<![\w.-]){re.escape(name)}(?![\w-])", text) is not None


def _text(path: Path) -> str:
    try:
        if not path.is_file() or path.stat().st_size > _LARGEST:
            return ""
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
