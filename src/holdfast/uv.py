"""The only file that runs the uv program.

uv comes with Holdfast (it is a dependency), so it is there even where PATH has none. It runs with
the caller's credentials, cache and network settings, and with nothing else of the caller's `UV_*`:
another project's settings in the surroundings never change a result.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path

from holdfast.errors import HoldfastError, MismatchError, StoreError, ToolError
from holdfast.home import home
from holdfast.inherited import misleads_git
from holdfast.redact import redact_said

# What of the caller's UV_* uv may see: where its cache and Pythons are, how the network is
# reached, who we are to an index. Anything else (UV_PROJECT, UV_EXTRA_INDEX_URL, UV_PYTHON,
# UV_EXCLUDE_NEWER, …) would make the same call mean something else on another machine.
_KEPT = re.compile(
    r"UV_(CACHE_DIR|DEFAULT_INDEX|INDEX_URL|INDEX_\w+_(USERNAME|PASSWORD)|KEYRING_PROVIDER|"
    r"NATIVE_TLS|SYSTEM_CERTS|INSECURE_HOST|HTTP_\w+|REQUEST_TIMEOUT|CONCURRENT_\w+|OFFLINE|"
    r"PYTHON_INSTALL_DIR|PYTHON_INSTALL_MIRROR|PYTHON_DOWNLOADS|LINK_MODE|CREDENTIALS_DIR)"
)
_OF_ANOTHER_ENVIRONMENT = ("VIRTUAL_ENV", "CONDA_PREFIX", "PYTHONPATH", "PYTHONHOME")
_TRACES = ("RUST_LOG", "RUST_BACKTRACE")  # they print headers

_LAST_LINES = 12


@cache
def uv_program() -> Path:
    """The uv that came with Holdfast, else the one on PATH.

    Raises:
        ToolError: Neither is there.
    """
    try:
        from uv import find_uv_bin

        return Path(find_uv_bin())
    except (ImportError, FileNotFoundError):
        found = shutil.which("uv")
    if found is None:
        raise ToolError("uv is not installed", hint="python -m pip install uv")
    return Path(found)


def uv_environment(extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """What uv runs with: the caller's variables, less those that could change a result."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if name not in (*_OF_ANOTHER_ENVIRONMENT, *_TRACES)
        and not misleads_git(name)
        and (not name.startswith("UV_") or _KEPT.fullmatch(name))
    }
    # Wrapped, a secret may stand on two lines, and nobody would know it for one.
    plain = {"UV_NO_PROGRESS": "1", "UV_NO_WRAP": "1", "NO_COLOR": "1"}
    return {**_cache(), **kept, **plain, **(extra or {})}


def _cache() -> dict[str, str]:
    """Where a user without a home has uv's cache; uv would make one in the working directory."""
    if os.path.isabs(os.path.expanduser("~")) or "XDG_CACHE_HOME" in os.environ:  # noqa: PTH111, PTH117
        return {}
    return {"UV_CACHE_DIR": str(home() / "uv")}


def start_uv(
    arguments: Sequence[str | Path],
    *,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
    pass_fds: Sequence[int] = (),
    umask: int = -1,
) -> subprocess.Popen[str]:
    """Start uv in the background; its output is text, on two pipes; it inherits `pass_fds`."""
    return subprocess.Popen(
        [str(uv_program()), *(str(argument) for argument in arguments)],
        cwd=cwd,
        env=uv_environment(env),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        errors="replace",
        pass_fds=pass_fds,
        umask=umask,
    )


def run_uv(
    arguments: Sequence[str | Path],
    *,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
    timeout: float | None = None,
    pass_fds: Sequence[int] = (),
) -> str:
    """Run uv to its end.

    Args:
        arguments: What follows `uv`, one item an argument; never a shell's line.
        cwd: Where to run it.
        env: Variables to set, over those of `uv_environment`.
        timeout: Seconds until it is killed.
        pass_fds: File descriptors that it inherits: a lock that it holds along with us.

    Returns:
        What it printed on stdout.

    Raises:
        MismatchError: A download's hash is not the locked one.
        StoreError: The disk is full.
        ToolError: Any other failure of uv's, its last lines in the message.
    """
    with start_uv(arguments, cwd=cwd, env=env, pass_fds=pass_fds) as process:
        try:
            out, err = process.communicate(timeout=timeout)
        except subprocess.TimeoutExpired:
            process.kill()
            raise ToolError(f"uv {arguments[0]} took more than {timeout:g} s") from None
        except BaseException:
            process.kill()
            raise
    if process.returncode != 0:
        raise explain_failure(f"uv {arguments[0]}", err or out or _ending(process.returncode))
    return out


def _ending(status: int) -> str:
    """How a uv that said nothing came to its end."""
    try:
        return f"ended by {signal.Signals(-status).name}"
    except ValueError:
        return f"ended with status {status}"


_REASONS: tuple[tuple[str, type[HoldfastError], str | None], ...] = (
    (
        r"([Hh]ash|[Ss]ize) mismatch",
        MismatchError,
        "the index serves other bytes than were locked; do not install them",
    ),
    (
        r"No space left on device|os error 28|[Dd]isk quota exceeded|File too large|SIGXFSZ",
        StoreError,
        "free some disk, or `holdfast env prune`",
    ),
    (
        r"40[13] (Unauthorized|Forbidden)|lack of valid authentication",
        ToolError,
        "set UV_INDEX_<NAME>_USERNAME and UV_INDEX_<NAME>_PASSWORD, or add the host to ~/.netrc",
    ),
    (
        r"404 Not Found",
        ToolError,
        "the index no longer has this file; restore where it is in the store or in uv's cache",
    ),
    (
        r"[Nn]etwork connectivity is disabled",
        ToolError,
        "what is named is in no cache here; leave out `--offline`, or pack the model elsewhere",
    ),
    (
        r"zip file structure|zip archive|Failed to (extract|read) archive|unexpected end of file",
        ToolError,
        "what came is no wheel: a proxy's page, or a download that was cut; try again",
    ),
    (
        # A connection that could not be made, or that ended too soon.
        r"dns error|error sending request|tcp connect error|timed out|Failed to fetch",
        ToolError,
        "check the network and the index's address; `--offline` uses only what is already here",
    ),
)


def explain_failure(what: str, output: str) -> HoldfastError:
    """The error that `output`, the words of a uv that failed, stands for."""
    lines = [line for line in redact_said(output, os.environ).strip().splitlines() if line.strip()]
    said = "\n".join(lines[-_LAST_LINES:])
    for pattern, error, hint in _REASONS:
        if re.search(pattern, output):
            return error(f"{what} failed: {said}", hint=hint)
    return ToolError(f"{what} failed: {said}")
