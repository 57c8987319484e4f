"""`holdfast init`: a project from a template, and its updates; copier does both.

Templates run nothing: copier refuses those with tasks, migrations or extensions of Jinja's, since
they are not trusted here.
"""

from __future__ import annotations

import keyword
import re
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from holdfast import own
from holdfast.errors import InputError, ToolError
from holdfast.extras import needed
from holdfast.project.git import run_git
from holdfast.start.catalogue import list_templates, read_questions
from holdfast.start.published import Published, publish

ANSWERS = ".copier-answers.yml"
_NAME = re.compile(r"[A-Za-z]([A-Za-z0-9._-]*[A-Za-z0-9])?")  # PEP 508, and a module's
# What the templates import: a project of that name would stand before it.
_TAKEN = {
    "fastapi",
    "holdfast",
    "mlflow",
    "numpy",
    "pandas",
    "sklearn",
    "tests",
    "torch",
    "uvicorn",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """A project, and the version of the template that it stands at."""

    folder: Path
    project: str
    template: str
    version: str
    # Files where the template and the project changed the same lines; git says "unmerged".
    conflicts: tuple[str, ...] = ()


def init(
    folder: Path, template: str, *, python: str = "", answers: Mapping[str, str] | None = None
) -> Made:
    """Make a project of `template` in `folder`, whose name becomes the project's.

    Args:
        folder: Must not exist, or be empty.
        template: One of `list_templates()`.
        python: The project's Python, as "3.12"; "" for the one that runs this.
        answers: To the template's questions (`read_questions`), over the defaults.

    Raises:
        InputError: A name, an answer or the folder cannot be used.
        ToolError: git or copier is not here, or Holdfast's own source is not there any more.
        StoreError: HOLDFAST_HOME cannot be used.
    """
    _check_empty(folder)
    data = {"project": folder.name, **_known(answers or {}, template)}
    data.setdefault("package", re.sub(r"[-.]+", "_", data["project"]).lower())
    data.setdefault("python", python or f"{sys.version_info.major}.{sys.version_info.minor}")
    if "holdfast_source" not in data:
        data["holdfast_source"] = own.source()
    data.setdefault("holdfast_version", own.version())
    _check(data["project"], data["package"], data["python"])
    published = publish(template)
    with _copier() as copier:
        copier.run_copy(
            published.address,
            folder,
            data=data,
            defaults=True,
            quiet=True,
            vcs_ref=published.version,
        )
    if not _is_in_git(folder):
        run_git(folder, {}, "init", "--quiet", "--initial-branch=main")
    return _made(folder, published)


def update(folder: Path) -> Made:
    """Bring a project that `init` made to this Holdfast's template, keeping what was changed in it.

    Args:
        folder: The project's, with everything committed.

    Raises:
        InputError: It is not such a project, or not committed, or its template's version is not
            known on this machine.
        ToolError: git or copier is not here, or fails.
    """
    answers = _read_answers(folder)
    template = Path(str(answers.get("_src_path", ""))).name
    if template not in list_templates():
        raise InputError(f"{folder / ANSWERS} names no template of Holdfast's")
    published = publish(template)
    _check_source(folder, answers, published)
    if run_git(folder, {}, "status", "--porcelain", "--", ".").strip():
        raise InputError(f"{folder} has changes that are not committed", hint="commit them first")
    with _copier() as copier:
        copier.run_update(
            folder,
            data={"holdfast_version": own.version(), "holdfast_source": own.source()},
            defaults=True,
            skip_answered=True,
            overwrite=True,
            quiet=True,
            vcs_ref=published.version,
        )
    unmerged = run_git(folder, {}, "diff", "--name-only", "--diff-filter=U", "--relative")
    return _made(folder, published, *unmerged.splitlines())


def _known(answers: Mapping[str, str], template: str) -> Mapping[str, str]:
    asked = read_questions(template)
    unknown = sorted(set(answers) - set(asked))
    if unknown:
        raise InputError(
            f"{template} does not ask for {', '.join(unknown)}; it asks for {', '.join(asked)}"
        )
    return answers


def _check_empty(folder: Path) -> None:
    try:
        there = folder.exists() and any(folder.iterdir())
    except OSError as error:
        raise InputError(
            f"{folder} cannot be used: {error.strerror}", hint="name another folder"
        ) from error
    if there:
        raise InputError(f"{folder} is not empty", hint="name a folder that is not there yet")


def _check(project: str, package: str, python: str) -> None:
    if not _NAME.fullmatch(project):
        raise InputError(
            f"{project!r} is no name for a project: a letter first, then letters, digits, "
            "'-', '_' and '.', not at the end",
            hint="holdfast init my-model",
        )
    if not re.fullmatch(r"[a-z_][a-z0-9_]*", package) or keyword.iskeyword(package):
        raise InputError(
            f"{package!r} is no name for a Python package",
            hint="name it yourself: --data package=my_model",
        )
    if package in _TAKEN or package in sys.stdlib_module_names:
        raise InputError(
            f"{package!r} is a module's name already; the project's own would hide it",
            hint=f"holdfast init my-{project}",
        )
    if not re.fullmatch(r"3\.[1-9]\d(\.\d+)?", python):
        raise InputError(f"{python!r} is no Python for this; expected 3.10 or newer, as 3.12")


def _read_answers(folder: Path) -> Mapping[str, Any]:
    try:
        answers = yaml.safe_load((folder / ANSWERS).read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise InputError(
            f"{folder} was not made by holdfast init: it has no {ANSWERS}",
            hint="holdfast init NAME makes a project",
        ) from None
    except (OSError, ValueError, yaml.YAMLError) as error:
        raise InputError(f"{folder / ANSWERS} cannot be read: {error}") from error
    return answers if isinstance(answers, dict) else {}


def _check_source(folder: Path, answers: Mapping[str, Any], published: Published) -> None:
    """That copier will find both versions of the template, the project's and ours."""
    if answers["_src_path"] != published.address:
        raise InputError(
            f"{folder / ANSWERS} has the template at {answers['_src_path']}; "
            f"here it is at {published.address}",
            hint=f"write _src_path: {published.address} there, commit, and do it again",
        )
    version = str(answers.get("_commit", ""))
    if not published.knows(version):
        release = version.partition("+")[0]
        raise InputError(
            f"the project stands at version {version} of its template, not known on this machine",
            hint=f"make it known: uvx --from 'holdfast[init]=={release}' holdfast init "
            f"a-project --template {published.repository.name}; then delete a-project",
        )


def _made(folder: Path, published: Published, *conflicts: str) -> Made:
    return Made(
        folder=folder,
        project=str(_read_answers(folder)["project"]),
        template=published.repository.name,
        version=published.version,
        conflicts=conflicts,
    )


def _is_in_git(folder: Path) -> bool:
    try:
        run_git(folder, {}, "rev-parse", "--show-toplevel")
    except ToolError:
        return False
    return True


@contextmanager
def _copier() -> Iterator[Any]:
    with needed("init", "init"):
        import copier
        from copier.errors import CopierError
    try:
        yield copier
    except CopierError as error:
        raise ToolError(f"copier failed: {error}") from error
