"""Checks of where packages come from, and of what the project's files give away."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import urlsplit

from holdfast.doctor.finding import Finding, Level
from holdfast.doctor.subject import Subject
from holdfast.project.indexes import declared_indexes
from holdfast.redact import redact

_LARGEST = 32 << 20
# Where people write URLs of indexes and repositories.
_FILES = (
    "*.toml", "*.cfg", "*.ini", "*.lock", "*.yml", "*.yaml", "*.json", "Pipfile", "Dockerfile*",
    "Containerfile*", "*.Dockerfile", "requirements*.txt", "requirements*.in", "constraints*.txt",
    "requirements/*.txt", "Makefile", "justfile", "*.sh", ".github/workflows/*.y*ml",
    ".gitlab-ci.yml", "pip.conf", ".pip/pip.conf", "*.env", ".env*",
)  # fmt: skip


def check_indexes(subject: Subject) -> Iterator[Finding]:
    """That a package's name alone does not decide where it comes from (torchtriton, 2022)."""
    for index in declared_indexes(subject.project):
        name = index.name or index.url
        if not index.explicit and not index.default:
            yield Finding(
                name="index-not-explicit",
                level=Level.WARNING,
                message=f"the index {name} is asked for every package: whoever owns a name there "
                "decides what is installed",
                fix=f"explicit = true for it, and `[tool.uv.sources] package = {{ index = "
                f'"{index.name or "a-name"}" }}` for each package it is for',
            )
        if urlsplit(index.url).scheme == "http" and not _is_loopback(index.url):
            yield Finding(
                name="index-plain-http",
                level=Level.WARNING,
                message=f"the index {name} is asked without TLS: anybody on the way may answer",
                fix="https, or an index on this machine",
            )
    strategy = subject.project.uv_settings.get("index-strategy", "first-index")
    if strategy != "first-index":
        yield Finding(
            name="index-strategy",
            level=Level.WARNING,
            message=f'[tool.uv] index-strategy is "{strategy}": a newer version on any index wins',
            fix="take it out, and bind packages to indexes in [tool.uv.sources]",
        )


def check_credentials(subject: Subject) -> Iterator[Finding]:
    """That no file of the project has a password in a URL."""
    for path in _files(subject.project.root):
        lines = _with_secrets(path)
        if lines:
            where = f"{path.relative_to(subject.project.root)}, line {lines[0]}"
            more = f" and {len(lines) - 1} more" if len(lines) > 1 else ""
            yield Finding(
                name="credentials",
                level=Level.ERROR,
                message=f"a URL with a password or token: {where}{more}",
                fix="take it out, and have it replaced where it was made; uv takes "
                "UV_INDEX_<NAME>_USERNAME and _PASSWORD, netrc or a keyring",
            )


def _files(root: Path) -> list[Path]:
    found = {path for pattern in _FILES for path in root.glob(pattern)}
    return sorted(path for path in found if path.is_file() and not path.is_symlink())


def _with_secrets(path: Path) -> list[int]:
    try:
        if path.stat().st_size > _LARGEST:
            return []
        text = path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return []
    if redact(text) == text:
        return []
    lines = enumerate(text.splitlines(), start=1)
    # ${NAME} and {{ name }} stand for a secret; they are none.
    return [
        number for number, line in lines if redact(line) != line and not set("${<") & _secret(line)
    ]


def _secret(line: str) -> set[str]:
    """The characters that redaction takes away."""
    shorter = redact(line)
    start = next((i for i, (a, b) in enumerate(zip(line, shorter, strict=False)) if a != b), 0)
    return set(line[start : start + 3])


def _is_loopback(url: str) -> bool:
    host = urlsplit(url).hostname or ""
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False
