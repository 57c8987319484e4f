"""Templates as git repositories with versions, which is what `copier update` compares.

One repository a template, below `HOLDFAST_HOME`: a tag for each Holdfast that this machine has
seen. A version's commit has no parent, and an author and a date that never change, so it is the
same commit on every machine.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from holdfast import own
from holdfast.environment.lease import alone
from holdfast.errors import StoreError
from holdfast.home import home
from holdfast.project.git import run_git
from holdfast.start.catalogue import read_template

_ALWAYS = {
    "GIT_AUTHOR_NAME": "Holdfast",
    "GIT_AUTHOR_EMAIL": "holdfast@example.org",
    "GIT_AUTHOR_DATE": "2026-01-01T00:00:00Z",
    "GIT_COMMITTER_NAME": "Holdfast",
    "GIT_COMMITTER_EMAIL": "holdfast@example.org",
    "GIT_COMMITTER_DATE": "2026-01-01T00:00:00Z",
    # No setting of the user's (line ends, signatures) makes it another commit.
    "GIT_CONFIG_GLOBAL": "/dev/null",
    "GIT_CONFIG_NOSYSTEM": "1",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Published:
    """A version of a template, in its repository."""

    repository: Path
    version: str

    @property
    def address(self) -> str:
        """The repository as a project names it: the same for every user with a home of their own.

        Below the user's home it begins with "~"; where HOLDFAST_HOME is elsewhere, it is the path.
        """
        try:
            return f"~/{self.repository.relative_to(Path.home()).as_posix()}"
        except (ValueError, RuntimeError):
            return str(self.repository)

    def knows(self, version: str) -> bool:
        """Whether the repository has that version, too."""
        return version in _tags(self.repository)


def publish(template: str) -> Published:
    """A template of this Holdfast, as a version in its repository, made if it is not there.

    The version is Holdfast's; where that one was seen with other files (it was installed from a
    folder that somebody works in), a local number follows: 0.2.0+2 (PEP 440).

    Raises:
        InputError: There is no such template.
        StoreError: HOLDFAST_HOME cannot be used.
        ToolError: git is not here, or fails.
    """
    contents = read_template(template)
    folder = home() / "templates"
    try:
        folder.mkdir(exist_ok=True)
    except OSError as error:
        raise StoreError(f"{folder} cannot be made: {error.strerror}") from error
    repository = folder / template
    with alone(folder / f"{template}.lock"):
        run_git(folder, _ALWAYS, "init", "--quiet", "--initial-branch=main", template)
        tree = _write(repository, contents)
        version = _version_of(repository, tree) or _tag(repository, tree)
    return Published(repository=repository, version=version)


def _write(repository: Path, contents: Mapping[str, bytes]) -> str:
    """Make the files those of `contents`, and give git's name of them all."""
    for entry in repository.iterdir():
        if entry.is_dir() and entry.name != ".git":
            shutil.rmtree(entry)
        elif entry.is_file():
            entry.unlink()
    for path, data in contents.items():
        target = repository / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data)
    run_git(repository, _ALWAYS, "add", "--all", "--force", ".")
    return run_git(repository, _ALWAYS, "write-tree").strip()


def _version_of(repository: Path, tree: str) -> str:
    """The version of this Holdfast's whose files are `tree`; "" where there is none."""
    listed = run_git(
        repository, _ALWAYS, "for-each-ref", "--format=%(refname:short) %(tree)", "refs/tags"
    )
    here = (line.split() for line in listed.splitlines() if line.endswith(tree))
    ours = own.version()
    return next((version for version, _ in here if version.partition("+")[0] == ours), "")


def _tag(repository: Path, tree: str) -> str:
    seen = _tags(repository)
    ours = own.version()
    versions = [ours, *(f"{ours}+{number}" for number in range(2, len(seen) + 2))]
    version = next(version for version in versions if version not in seen)
    commit = run_git(repository, _ALWAYS, "commit-tree", tree, "-m", f"Holdfast {version}").strip()
    run_git(repository, _ALWAYS, "tag", version, commit)
    run_git(repository, _ALWAYS, "update-ref", "refs/heads/main", commit)
    return version


def _tags(repository: Path) -> list[str]:
    return run_git(repository, _ALWAYS, "tag", "--list").split()
