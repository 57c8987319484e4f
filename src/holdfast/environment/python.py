"""Which Python an environment stands on, and what that Python says of itself.

uv does the looking, and the fetching where nothing of the wanted minor release is here. What is
handed on is always a real interpreter: never a virtual environment's, never a shim that picks a
version by the folder it is called in.
"""

from __future__ import annotations

import glob
import hashlib
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from holdfast.environment.layout import write_whole
from holdfast.errors import HoldfastError, InputError, ToolError
from holdfast.progress import Progress, silent

if TYPE_CHECKING:
    from holdfast.lock.target import Target

_ANSWER_SECONDS = 30.0
_RELEASE = re.compile(
    r"(?P<minor>[0-9]{1,4}\.[0-9]{1,4})\.[0-9]{1,4}(a|b|rc)?[0-9]{0,4}\+?", re.ASCII
)
_WANTED = re.compile(r"[0-9]{1,4}(\.[0-9]{1,4}){0,2}", re.ASCII)
_IMPLEMENTATION = re.compile(r"[a-z][a-z0-9]{1,30}", re.ASCII)
# PEP 508's marker values, and what a store key and wheel tags need; runs on any Python 3.
_QUESTION = """
import json, os, platform, sys, sysconfig
i = sys.implementation
def version(v):
    k = v.releaselevel
    return "%d.%d.%d" % v[:3] + ("" if k == "final" else k[0] + str(v.serial))
try:
    libc = os.confstr("CS_GNU_LIBC_VERSION").replace(" ", "-")
except (AttributeError, ValueError, OSError):
    libc = ""
abi = sysconfig.get_config_var("SOABI") or ""
if not libc and "musl" in abi + str(sysconfig.get_config_var("HOST_GNU_TYPE")):
    libc = "musl"
print(json.dumps({
    "executable": os.path.realpath(getattr(sys, "_base_executable", None) or sys.executable),
    "implementation": i.name,
    "version": platform.python_version(),
    "abi": abi,
    "libc": libc,
    "free_threaded": bool(sysconfig.get_config_var("Py_GIL_DISABLED")),
    "build": sys.version,
    "markers": {
        "implementation_name": i.name,
        "implementation_version": version(i.version),
        "os_name": os.name,
        "platform_machine": platform.machine(),
        "platform_python_implementation": platform.python_implementation(),
        "platform_release": platform.release(),
        "platform_system": platform.system(),
        "platform_version": platform.version(),
        "python_full_version": platform.python_version(),
        "python_version": ".".join(platform.python_version_tuple()[:2]),
        "sys_platform": sys.platform,
    },
}))
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Interpreter:
    """A Python of this machine.

    Attributes:
        path: The program, resolved.
        facts: What it says of itself: executable, implementation, version, abi, libc,
            free_threaded, build (`sys.version`), markers (PEP 508).
        exact: Whether it is the very release that was asked for, not only its minor release.
    """

    path: Path
    facts: Mapping[str, Any]
    exact: bool

    @property
    def version(self) -> str:
        """Full version, "3.11.7"."""
        return str(self.facts["version"])

    def target(self) -> Target:
        """What packages are chosen for."""
        from packaging.tags import platform_tags

        from holdfast.lock.target import Target

        platforms = list(platform_tags())
        facts = dict(self.facts)
        if facts["libc"] == "musl":
            newest = next((tag for tag in platforms if tag.startswith("musllinux_")), "")
            facts["libc"] = "-".join(["musl", ".".join(newest.split("_")[1:3])]).rstrip("-")
        return Target.from_facts(facts, platforms)


def choose_python(
    requested: str,
    implementation: str = "cpython",
    *,
    offline: bool = False,
    strict: bool = False,
    remembered: Path,
    on_progress: Progress = silent,
) -> Interpreter:
    """The interpreter to build on: the exact release, else its minor release, else a download.

    Nothing is downloaded while another patch release of the same minor is here, unless `strict`
    forbids that one.

    Args:
        requested: Full version, "3.11.7".
        implementation: As `sys.implementation.name`.
        offline: Download nothing.
        strict: Refuse any other patch release.
        remembered: The folder where answers are kept, so that asking again starts no process.
        on_progress: Told before something slow.

    Raises:
        InputError: `requested` is no full version.
        ToolError: There is no such Python here and none could be downloaded.
    """
    minor = _minor(requested, implementation)
    found = _recalled(requested, implementation, remembered) or _found(
        requested, implementation, remembered
    )
    if found is None and not strict:
        found = _found(minor, implementation, remembered)
    if found is None:
        found = _downloaded(requested, implementation, offline, remembered, on_progress)
    interpreter = Interpreter(
        path=Path(found["executable"]), facts=found, exact=found["version"] == requested
    )
    if strict and not interpreter.exact:
        raise _missing(requested, implementation, f"only {interpreter.version} is here")
    return interpreter


def project_python(folder: Path, requested: str = "", *, remembered: Path) -> Interpreter:
    """The interpreter that uv would take for the project in `folder`.

    As its `.python-version` and `requires-python` say; never the one of a virtual environment.

    Args:
        folder: The project's folder.
        requested: What to take in the place of what the project says: "3.12".
        remembered: The folder where answers are kept, so that asking again starts no process.

    Raises:
        InputError: `requested` is no version.
        ToolError: There is none here.
    """
    from holdfast.uv import run_uv

    if requested and not _WANTED.fullmatch(requested):
        raise InputError(f"{requested!r} does not name a Python", hint='give it as "3.12"')
    arguments = ["python", "find", "--system", "--no-python-downloads"]
    try:
        out = run_uv(
            [*arguments, *([requested] if requested else [])],
            cwd=folder,
            env={"PATH": os.pathsep.join(_search_path())},
            timeout=60,
        )
    except ToolError as error:
        raise ToolError(
            f"no Python of this machine is what {folder} asks for: {error.message}",
            hint=f"uv python install {requested}".rstrip(),
        ) from error
    facts = read_facts(Path(out.strip()), remembered)
    return Interpreter(path=Path(facts["executable"]), facts=facts, exact=True)


def _minor(requested: str, implementation: str) -> str:
    """The minor release; both texts are somebody else's, and become arguments and file names."""
    release = _RELEASE.fullmatch(requested)
    if release is None or not _IMPLEMENTATION.fullmatch(implementation):
        raise InputError(
            f"{implementation!r} {requested!r} does not name a Python release",
            hint='give it in full, "cpython" and "3.11.7"',
        )
    return release["minor"]


def _recalled(requested: str, implementation: str, remembered: Path) -> dict[str, Any] | None:
    """What was found for an exact release before, if that program is still the same file."""
    try:
        path = json.loads(_pointer(requested, implementation, remembered).read_text("utf-8"))
        facts = read_facts(Path(path), remembered)
    except (OSError, ValueError, HoldfastError):
        return None
    return facts if facts["version"] == requested else None


def _pointer(requested: str, implementation: str, remembered: Path) -> Path:
    return remembered / f"{implementation}-{requested}.found.json"


def _found(wanted: str, implementation: str, remembered: Path) -> dict[str, Any] | None:
    """What uv finds on this machine for a release or a minor release."""
    from holdfast.uv import run_uv

    try:
        out = run_uv(
            ["python", "find", "--no-config", "--no-project", "--system", "--no-python-downloads",
             f"{implementation}@{wanted}"],
            env={"PATH": os.pathsep.join(_search_path())},
            timeout=60,
        )  # fmt: skip
    except ToolError:
        return None
    facts = read_facts(Path(out.strip()), remembered)
    if not f"{facts['version']}.".startswith(f"{wanted}.") or facts["free_threaded"]:
        return None
    if facts["version"] == wanted:
        pointer = _pointer(wanted, implementation, remembered)
        write_whole(pointer, json.dumps(facts["executable"]))
    return facts


def _search_path() -> Iterator[str]:
    """PATH, with pyenv's versions in place of its shims: those fail outside their own folders.

    And the Python that we run on ourselves, which need not be on PATH.
    """
    for folder in os.environ.get("PATH", os.defpath).split(os.pathsep):
        if not folder.rstrip("/").endswith("/shims"):
            yield folder
    # glob.glob, unlike Path.glob, passes over folders that are not ours to read.
    pyenv = glob.escape(os.environ.get("PYENV_ROOT") or _in_home(".pyenv"))
    yield from sorted(glob.glob(f"{pyenv}/versions/*/bin"))  # noqa: PTH207
    yield os.path.dirname(os.path.realpath(sys.executable))  # noqa: PTH120


def surroundings() -> str:
    """A digest of when the folders that hold Pythons were last written to.

    As long as it is the same, no Python has come or gone since it was taken.
    """
    data = os.environ.get("XDG_DATA_HOME") or _in_home(".local", "share")
    managed = os.environ.get("UV_PYTHON_INSTALL_DIR") or f"{data}/uv/python"
    pyenv = os.environ.get("PYENV_ROOT") or _in_home(".pyenv")
    path = os.environ.get("PATH", os.defpath).split(os.pathsep)
    times = [[folder, _written(folder)] for folder in [*path, managed, f"{pyenv}/versions"]]
    return hashlib.sha256(json.dumps(times).encode()).hexdigest()


def _in_home(*parts: str) -> str:
    """In the user's home; a user may have none (`Path.home` would raise then)."""
    return os.path.join(os.path.expanduser("~"), *parts)  # noqa: PTH111, PTH118


def _written(folder: str) -> int | None:
    try:
        return os.stat(folder).st_mtime_ns  # noqa: PTH116
    except OSError:
        return None


def _downloaded(
    requested: str,
    implementation: str,
    offline: bool,  # noqa: FBT001
    remembered: Path,
    on_progress: Progress,
) -> dict[str, Any]:
    from holdfast.uv import run_uv

    if offline or os.environ.get("UV_PYTHON_DOWNLOADS", "").lower() in {"never", "false", "0"}:
        raise _missing(requested, implementation, "and downloads are off")
    on_progress(f"downloading Python {requested}")
    try:
        run_uv(["python", "install", "--no-config", "--no-bin", f"{implementation}@{requested}"])
    except ToolError as error:
        raise _missing(requested, implementation, f"and {error.message}") from error
    found = _found(requested, implementation, remembered)
    if found is None:
        raise _missing(requested, implementation, "though uv installed it")
    return found


def _missing(requested: str, implementation: str, why: str) -> ToolError:
    return ToolError(
        f"{implementation} {requested} is not on this machine, {why}",
        hint=f"`uv python install {requested}`, or put that release on PATH",
    )


def read_facts(program: Path, remembered: Path) -> dict[str, Any]:
    """What the interpreter at `program` says of itself.

    It is asked once for as long as the file is the same (path, size in bytes, mtime in ns).

    Raises:
        ToolError: It does not answer, or answers nonsense.
    """
    real = os.path.realpath(program)
    try:
        found = os.stat(real)  # noqa: PTH116
    except OSError as error:
        raise ToolError(f"there is no Python at {program}: {error}") from error
    identity = [real, found.st_size, found.st_mtime_ns]
    cache = remembered / f"{hashlib.sha256(real.encode()).hexdigest()[:32]}.json"
    try:
        known = json.loads(cache.read_text("utf-8"))
        if known["identity"] == identity:
            return dict(known["facts"])
    except (OSError, ValueError, KeyError, TypeError):
        pass
    facts = _ask(real)
    write_whole(cache, json.dumps({"identity": identity, "facts": facts}))
    return facts


def _ask(program: str) -> dict[str, Any]:
    try:
        answer = subprocess.run(
            [program, "-I", "-c", _QUESTION],
            capture_output=True,
            check=True,
            stdin=subprocess.DEVNULL,
            timeout=_ANSWER_SECONDS,
        )
        return dict(json.loads(answer.stdout))
    except (OSError, ValueError, subprocess.SubprocessError) as error:
        raise ToolError(f"{program} does not say what Python it is: {error}") from error
