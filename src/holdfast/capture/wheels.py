"""First-party code: the project's own packages, built as wheels while they are as they were.

A build takes half a second and more, and a model is logged often while its code rests: a wheel is
kept under the digest of the folder it was built from, and built again when that changed.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from packaging.tags import Tag, sys_tags
from packaging.utils import parse_wheel_filename

from holdfast.capture.here import markers_here
from holdfast.capture.kept import keep
from holdfast.capture.rewrite import take_out_credentials
from holdfast.errors import ToolError
from holdfast.home import home
from holdfast.seal.digest import digest_file
from holdfast.uv import explain_failure, start_uv, uv_program

_SECONDS = 300
_MOST_FILES = 20_000
_READ_WHOLE = 1 << 20
# The same code gives the same wheel, wherever it was checked out: hatchling's own default.
_SOURCE_DATE = "1580601600"

# Folders that no build reads, and that change without the code changing.
_NOT_CODE = {".git", ".venv", "__pycache__", "mlruns", "mlartifacts", "node_modules", ".hypothesis"}


@dataclass(frozen=True, slots=True, kw_only=True)
class BuiltWheel:
    """A wheel on disk, built from first-party code."""

    name: str
    version: str
    path: Path
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Python:
    """The Python that wheels are for.

    Attributes:
        program: Its path.
        build: Its `sys.version`.
        markers: Its marker environment (PEP 508).
        tags: Wheel tags it takes, best first (PEP 425).
    """

    program: str
    build: str
    markers: Mapping[str, str]
    tags: tuple[Tag, ...]

    @classmethod
    def running(cls) -> Python:
        """The one that this program runs on."""
        return cls(
            program=sys.executable,
            build=sys.version,
            markers=markers_here(),
            tags=tuple(sys_tags()),
        )


def build_wheels(
    folders: Mapping[str, Path],
    python: Python | None = None,
    env: Mapping[str, str] | None = None,
) -> dict[str, BuiltWheel]:
    """Build a wheel from each of `folders` (or sdists), at once; they and the result are by name.

    Args:
        folders: What to build.
        python: What to build for; by default the Python that runs.
        env: Variables that uv gets over the caller's.

    Raises:
        ToolError: A build failed: its backend's last lines are in the message.
    """
    python = python or Python.running()
    digests = {name: _code_digest(folder, python) for name, folder in folders.items()}
    kept = {name: found for name in folders if (found := _kept(digests[name])) is not None}
    missing = {name: (folders[name], digests[name]) for name in folders if name not in kept}
    return kept | _build(missing, python, env or {})


def _build(
    wanted: Mapping[str, tuple[Path, str]], python: Python, env: Mapping[str, str]
) -> dict[str, BuiltWheel]:
    built = {}
    with tempfile.TemporaryDirectory(prefix="holdfast-build-") as scratch:
        running = {
            name: (
                folder,
                digest,
                out := Path(scratch, str(number)),
                _start(folder, out, python, env),
            )
            for number, (name, (folder, digest)) in enumerate(wanted.items())
        }
        for name, (folder, digest, out, process) in running.items():
            with process:
                _, said = process.communicate(timeout=_SECONDS)
            wheels = list(out.glob("*.whl"))
            if process.returncode != 0 or len(wheels) != 1:
                error = explain_failure(f"building a wheel of {name} ({folder.name})", said)
                raise ToolError(error.message, hint=f"try it: uv build --wheel {folder}")
            built[name] = _keep(wheels[0], digest)
    return built


def _start(
    folder: Path, out: Path, python: Python, env: Mapping[str, str]
) -> subprocess.Popen[str]:
    arguments = ["build", "--wheel", "--no-create-gitignore", "--python", python.program]
    date = os.environ.get("SOURCE_DATE_EPOCH", _SOURCE_DATE)
    return start_uv(
        [*arguments, "--out-dir", out, _writable(folder, out)],
        cwd=folder if folder.is_dir() else folder.parent,
        env={**env, **_outside(out), "SOURCE_DATE_EPOCH": date},
        umask=0o022,  # a wheel keeps the modes of its files: the same for every user
    )


def _outside(out: Path) -> dict[str, str]:
    """Variables that keep setuptools from building in the project's own `build/`.

    What an earlier build left there goes into every later wheel, modules deleted since included.
    """
    if "DIST_EXTRA_CONFIG" in os.environ:
        return {}
    config = out.with_name(f"{out.name}.cfg")
    config.write_text(f"[build]\nbuild_base = {out}-build\n", encoding="utf-8")
    return {"DIST_EXTRA_CONFIG": str(config)}


def _writable(folder: Path, out: Path) -> Path:
    """`folder`, or a copy of a read-only one: some backends write beside the code."""
    if not folder.is_dir() or os.access(folder, os.W_OK):
        return folder
    copy = out.with_name(f"{out.name}-source") / folder.name
    return Path(shutil.copytree(folder, copy, symlinks=True, ignore=_not_code))


def _not_code(folder: str, names: list[str]) -> set[str]:
    return {name for name in names if not _is_code(folder, name)}


def _is_code(folder: str, name: str) -> bool:
    return name not in _NOT_CODE and not Path(folder, name, "pyvenv.cfg").exists()


def _kept(digest: str) -> BuiltWheel | None:
    found = list((home() / "built" / digest).glob("*.whl")) if digest else []
    return describe_wheel(found[0]) if found else None


def _keep(wheel: Path, digest: str) -> BuiltWheel:
    """Move `wheel` under `digest`, without what credentials its metadata repeat."""

    def write(target: Path) -> None:
        shutil.move(wheel, target)
        take_out_credentials(target)

    folder = home() / "built" / (digest or f"once-{os.urandom(8).hex()}")
    return describe_wheel(keep(folder, wheel.name, write))


def describe_wheel(wheel: Path) -> BuiltWheel:
    """What the name and the bytes of a wheel on disk say of it."""
    name, version, _, _ = parse_wheel_filename(wheel.name)
    return BuiltWheel(name=name, version=str(version), path=wheel, sha256=digest_file(wheel).sha256)


def _code_digest(folder: Path, python: Python) -> str:
    """A digest of everything that a build of `folder` may read; "" where that is too much."""
    sha256 = hashlib.sha256(f"{python.build}\n{uv_program()}\n{folder}\n".encode())
    for number, path in enumerate(_code_files(folder)):
        if number >= _MOST_FILES:
            return ""
        about = path.lstat()
        sha256.update(f"{path.relative_to(folder)}\0{about.st_mode}\0{about.st_size}\0".encode())
        if about.st_size > _READ_WHOLE:  # data beside the code: its time tells
            sha256.update(str(about.st_mtime_ns).encode())
        elif path.is_file():
            sha256.update(path.read_bytes())
    return sha256.hexdigest()


def _code_files(folder: Path) -> Iterator[Path]:
    if folder.is_file():
        yield folder
    for base, folders, files in os.walk(folder):
        folders[:] = sorted(name for name in folders if _is_code(base, name))
        for name in sorted(files):
            if not name.endswith((".pyc", ".db", ".db-journal")) and name != "uv.lock":
                yield Path(base, name)
