"""The commit that a project stands at, and the files of one. The only file that runs git."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from holdfast.errors import ToolError
from holdfast.inherited import misleads_git
from holdfast.redact import redact_said

_SECONDS = 10
_FETCH_SECONDS = 300


@dataclass(frozen=True, slots=True, kw_only=True)
class Commit:
    """A commit's id, and whether files that git tracks differ from it."""

    id: str = ""
    dirty: bool = False


def read_commit(folder: Path) -> Commit:
    """The commit of the repository that `folder` is in; an empty one where there is none."""
    status = _git(folder, "status", "--porcelain=v2", "--branch", "--untracked-files=no")
    lines = status.splitlines()
    oid = next((line.split()[2] for line in lines if line.startswith("# branch.oid ")), "")
    if oid == "(initial)":
        oid = ""
    return Commit(id=oid, dirty=any(not line.startswith("#") for line in lines))


def is_ignored(path: Path) -> bool:
    """Whether git leaves `path` out of the repository that it is in."""
    return _runs(path.parent, {}, "check-ignore", "--quiet", "--", path.name)


def check_out(url: str, commit: str, folder: Path, *, secret_url: str = "") -> None:
    """The files of a commit, submodules included, in a new `folder`.

    Args:
        url: The repository's, without credentials.
        commit: Its full id.
        folder: Where; its parent is there and private.
        secret_url: The same with credentials: git gets it in a variable, where neither the list of
            processes nor the repository's own files show it.

    Raises:
        ToolError: git is not here, or the commit cannot be had.
    """
    env = _with_rewriting(url, secret_url) if secret_url not in {"", url} else {}
    # All of the history, since versions are made of it; of the files only what is checked out.
    run_git(
        folder.parent, env, "clone", "--no-checkout", "--filter=blob:none", "--", url, str(folder)
    )
    if not _runs(folder, env, "cat-file", "-e", f"{commit}^{{commit}}"):
        run_git(folder, env, "fetch", "--", "origin", commit)
    run_git(folder, env, "checkout", "--detach", commit)
    run_git(folder, env, "submodule", "update", "--init", "--recursive")


def _with_rewriting(url: str, secret_url: str) -> dict[str, str]:
    """Variables that make git fetch `secret_url` where `url` is named."""
    count = int(os.environ.get("GIT_CONFIG_COUNT") or 0)
    return {
        "GIT_CONFIG_COUNT": str(count + 1),
        f"GIT_CONFIG_KEY_{count}": f"url.{secret_url}.insteadOf",
        f"GIT_CONFIG_VALUE_{count}": url,
    }


def run_git(folder: Path, env: Mapping[str, str], *arguments: str) -> str:
    """Run git in `folder`, with the variables `env` besides the caller's; what it prints.

    Raises:
        ToolError: git is not here, or fails.
    """
    what = f"git {arguments[0]}"
    try:
        done = _run(folder, arguments, _FETCH_SECONDS, env)
    except subprocess.TimeoutExpired:
        raise ToolError(f"{what} took more than {_FETCH_SECONDS} s") from None
    except OSError as error:
        raise ToolError(f"{what} cannot be run: {error.strerror}") from error
    if done.returncode != 0:
        said = redact_said(done.stderr, os.environ).strip().splitlines()[-1:] or ["no reason given"]
        raise ToolError(f"{what} failed: {said[0]}")
    return done.stdout


def _runs(folder: Path, env: Mapping[str, str], *arguments: str) -> bool:
    try:
        return _run(folder, arguments, _SECONDS, env).returncode == 0
    except (OSError, subprocess.TimeoutExpired):
        return False


def _git(folder: Path, *arguments: str) -> str:
    """What git says, or "" where it is not there or knows nothing."""
    try:
        done = _run(folder, arguments, _SECONDS, {})
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout if done.returncode == 0 else ""


def _run(
    folder: Path, arguments: tuple[str, ...], seconds: float, env: Mapping[str, str]
) -> subprocess.CompletedProcess[str]:
    program = shutil.which("git")
    if program is None:
        raise FileNotFoundError(2, "git is not on PATH")
    # No hook, pager, editor or file-system monitor of that repository's may run.
    options = ["-c", "core.fsmonitor=false", "-c", "core.hooksPath=/dev/null", "-C", str(folder)]
    return subprocess.run(
        [program, *options, *arguments],
        env={**_environment(), **env, "GIT_TERMINAL_PROMPT": "0"},
        capture_output=True,
        text=True,
        errors="replace",
        timeout=seconds,
        check=False,
        stdin=subprocess.DEVNULL,
    )


def _environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not misleads_git(name)}
