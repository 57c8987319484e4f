"""Random small projects, all the way: what is restored is what uv itself would sync.

Each example is a workspace with members, extras, groups, markers and forks on an index of this
machine. uv locks and syncs it, a script in it saves a model through the real hook, and the model is
restored elsewhere. MLflow and Holdfast themselves are lent to the script by an environment that all
examples share: they are no part of the project.
"""

from __future__ import annotations

import re
import shutil
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import pytest
import tomli_w
from hypothesis import HealthCheck, Phase, assume, event, given, settings
from hypothesis import strategies as st

from holdfast.restore.restore import restore
from holdfast.uv import uv_program
from indexes import make_wheel, serving
from kit import real_python, run, seal_of, surroundings

NAMES = ["ash", "birch", "cedar", "elm", "fir"]
MARKERS = [
    "python_version < '3.12'",
    "python_version >= '3.12'",
    "sys_platform == 'linux'",
    "sys_platform != 'linux'",
    "platform_machine == 'x86_64' or sys_platform == 'win32'",
    "os_name == 'nt'",
]
# What each package of the index needs; the same in all of its versions but where that is said.
NEEDS = {
    "ash": ["birch>=1", "cedar ; extra == 'x'", "fir ; sys_platform == 'win32'"],
    "birch": ["elm ; python_version >= '3.11'", "fir<3 ; extra == 'y'"],
    "cedar": ["ash", "elm>=2 ; sys_platform == 'linux'"],
    "elm": [],
    "fir": ["elm<3 ; extra == 'x'"],
}
VERSIONS = ["1.0", "2.0", "3.0"]

# A build backend that needs no index: one module, and what pyproject.toml says.
BACKEND = """
import base64, hashlib, zipfile
from pathlib import Path

NAME, REQUIRES = {name!r}, {requires!r}

def build_wheel(folder, config_settings=None, metadata_directory=None):
    info = f"{{NAME}}-0.1.dist-info"
    lines = ["Metadata-Version: 2.1", f"Name: {{NAME}}", "Version: 0.1"]
    lines += [f"Provides-Extra: {{one}}" for one in ("cpu", "gpu")]
    lines += [f"Requires-Dist: {{one}}" for one in REQUIRES]
    files = {{
        f"{{NAME}}.py": "",
        f"{{info}}/METADATA": "\\n".join([*lines, ""]),
        f"{{info}}/WHEEL": "Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n",
    }}
    rows = [f"{{name}},{{_digest(text)}},{{len(text)}}" for name, text in files.items()]
    files[f"{{info}}/RECORD"] = "\\n".join([*rows, f"{{info}}/RECORD,,", ""])
    path = Path(folder, f"{{NAME}}-0.1-py3-none-any.whl")
    with zipfile.ZipFile(path, "w") as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    return path.name

def _digest(text):
    found = base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest())
    return "sha256=" + found.decode().rstrip("=")

build_editable = build_wheel
"""

# What is lent is found by no path: it is not installed here, and no drift from the lock.
TRAIN = """
import sys
from importlib.machinery import PathFinder
from importlib.metadata import DistributionFinder, MetadataPathFinder

LENT = [sys.argv[2]]


class Lender:
    @staticmethod
    def find_spec(name, path=None, target=None):
        return PathFinder.find_spec(name, LENT, target) if path is None else None

    @staticmethod
    def find_distributions(context):
        lent = DistributionFinder.Context(name=context.name, path=LENT)
        return MetadataPathFinder.find_distributions(lent)


sys.meta_path.append(Lender)

import mlflow


class Answer(mlflow.pyfunc.PythonModel):
    def predict(self, context, model_input, params=None):
        return model_input


mlflow.pyfunc.save_model(sys.argv[1], python_model=Answer())
"""


@dataclass(frozen=True)
class Drawn:
    """A workspace.

    Attributes:
        members: By name, what each requires.
        extras: Of the root, by name.
        sealed: The extras and groups that the model needs.
        start: Where the script lies: "" for the root, or a member's name.
    """

    dependencies: list[str]
    members: dict[str, list[str]]
    extras: dict[str, list[str]]
    groups: dict[str, list[str]]
    conflict: bool
    environments: list[str]
    sealed: tuple[tuple[str, ...], tuple[str, ...]]
    start: str


@st.composite
def requirements(draw):
    name = draw(st.sampled_from(NAMES))
    extra = draw(st.sampled_from(["", "", "[x]", "[y]"]))
    bound = draw(st.sampled_from(["", "", "<3", ">=2", "==1.0"]))
    marker = draw(st.sampled_from(["", "", *MARKERS]))
    return f"{name}{extra}{bound}" + (f" ; {marker}" if marker else "")


@st.composite
def forks(draw):
    """One name in two versions, each where the other is not; or nothing."""
    name = draw(st.sampled_from(NAMES))
    here, there = draw(st.sampled_from([MARKERS[0:2], MARKERS[2:4]]))
    fork = [f"{name}==1.0 ; {here}", f"{name}==2.0 ; {there}"]
    return draw(st.sampled_from([[], fork]))


@st.composite
def workspaces(draw):
    some = st.lists(requirements(), max_size=2)
    names = draw(st.sampled_from([[], ["one"], ["one", "two"]]))
    conflict = draw(st.booleans())
    extras = {"cpu": draw(some), "gpu": draw(some)}
    wanted = draw(st.sampled_from([(), ("cpu",), ("gpu",), () if conflict else ("cpu", "gpu")]))
    start = draw(st.sampled_from(["", "", *names]))
    own = draw(st.sampled_from([[], names[:1], names]))
    return Drawn(
        dependencies=[*draw(some), *draw(forks()), *own],
        members={
            name: [*draw(some), *(["two"] if name == "one" and "two" in names else [])]
            for name in names
        },
        extras=extras,
        groups={"score": draw(some), "dev": draw(some)},
        conflict=conflict,
        environments=draw(st.sampled_from([[], [], [MARKERS[2]], MARKERS[2:4]])),
        sealed=((), ()) if start else (wanted, draw(st.sampled_from([(), ("score",)]))),
        start=start,
    )


def write(folder: Path, drawn: Drawn, url: str) -> None:
    """The workspace, its root a package as well."""
    uv = {
        "environments": drawn.environments,
        "conflicts": [[{"extra": "cpu"}, {"extra": "gpu"}]] if drawn.conflict else [],
        "index": [{"url": url, "default": True}],
        "sources": {name: {"workspace": True} for name in drawn.members},
        "workspace": {"members": [f"members/{name}" for name in drawn.members]},
    }
    extras, groups = drawn.sealed
    more = {"optional-dependencies": drawn.extras}
    tool = {"uv": uv, "holdfast": {"extras": list(extras), "groups": list(groups)}}
    optional = [with_extra(one, name) for name, each in drawn.extras.items() for one in each]
    _package(
        folder, "root", drawn.dependencies, more, optional=optional,
        tool=tool, **{"dependency-groups": drawn.groups},
    )  # fmt: skip
    for name, requires in drawn.members.items():
        sources = {other: {"workspace": True} for other in drawn.members if other != name}
        tool = {"uv": {"sources": sources}}
        _package(folder / "members" / name, name, requires, {}, tool=tool)


def with_extra(requirement: str, extra: str) -> str:
    what, _, marker = requirement.partition(" ; ")
    return f"{what} ; extra == '{extra}'" + (f" and ({marker})" if marker else "")


def _package(folder, name, requires, more, *, optional=(), **tables):
    folder.mkdir(parents=True)
    project = {"name": name, "version": "0.1", "requires-python": ">=3.10", **more}
    build = {"requires": [], "build-backend": "backend", "backend-path": ["."]}
    document = {
        "project": {**project, "dependencies": requires},
        "build-system": build,
        **tables,
    }
    (folder / "pyproject.toml").write_text(tomli_w.dumps(document))
    (folder / "backend.py").write_text(BACKEND.format(name=name, requires=[*requires, *optional]))
    (folder / "train.py").write_text(TRAIN)


@pytest.fixture(scope="module")
def index(tmp_path_factory):
    """The index: five packages in three versions each, which need one another."""
    folder = tmp_path_factory.mktemp("index") / "wheels"
    for name, needs in NEEDS.items():
        for version in VERSIONS:
            wanted = [*needs, *(["elm"] if version == "3.0" and name == "fir" else [])]
            make_wheel(
                folder, {f"{name}.py": f"version = {version!r}\n"},
                name=name, version=version, requires=wanted, extras=["x", "y"],
            )  # fmt: skip
    with serving(folder) as served:
        yield served.url


@pytest.fixture(scope="module")
def lent(new_project_in, shared, tmp_path_factory):
    """The site-packages of an environment with MLflow and Holdfast."""
    project = new_project_in(tmp_path_factory.mktemp("lender"))
    project.environment = shared / "venv-lent"
    project.pyproject("mlflow-skinny", "pandas")
    project.sync()
    return next(project.environment.glob("lib/*/site-packages"))


@dataclass(frozen=True)
class Room:
    """Where an example lives, and how uv is called in it."""

    folder: Path

    @property
    def project(self) -> Path:
        return self.folder / "project"

    def uv(self, *arguments, environment="venv"):
        env = surroundings(
            UV_PROJECT_ENVIRONMENT=str(self.folder / environment),
            UV_PYTHON=real_python(),
            UV_CACHE_DIR=str(self.folder.parent / "cache"),
        )
        return run([str(uv_program()), *arguments], cwd=self.project, env=env)

    def installed(self, environment):
        """Names and versions, as the metadata of what is installed says."""
        (packages,) = (self.folder / environment).glob("lib/*/site-packages")
        found = (path.name.removesuffix(".dist-info") for path in packages.glob("*.dist-info"))
        return {(re.sub("[-_.]+", "-", n.split("-")[0]), n.split("-")[1]) for n in found}


NUMBERS = count()


def options_of(drawn: Drawn) -> list[str]:
    extras, groups = drawn.sealed
    return [*(f"--extra={one}" for one in extras), *(f"--group={one}" for one in groups)]


def check(drawn, index, lent, base, monkeypatch):
    room = Room(base / str(next(NUMBERS)))
    write(room.project, drawn, index)
    locked = room.uv("lock", "--quiet")
    assume("unsatisfiable" not in locked.err and "incompatible" not in locked.err)
    assert locked.code == 0, locked
    synced = room.uv("sync", "--quiet", "--all-packages", *options_of(drawn))
    assert synced.code == 0, synced
    package = ["--package", drawn.start] if drawn.start else []
    exact = ["--frozen", "--no-dev", "--no-editable", *package, *options_of(drawn)]
    assert room.uv("sync", "--quiet", *exact, environment="wanted").code == 0

    script = room.project / (f"members/{drawn.start}" if drawn.start else "") / "train.py"
    model = room.folder / "model"
    env = surroundings(HOLDFAST_HOME=str(base / "home"), UV_CACHE_DIR=str(base / "cache"))
    python = room.folder / "venv" / "bin" / "python"
    ran = run([str(python), str(script), str(model), str(lent)], cwd=room.folder, env=env)
    assert ran.code == 0, ran
    seal = seal_of(model)
    assert seal["grade"] == "locked", (seal["reasons"], ran.err)
    assert seal["project"]["name"] == (drawn.start or "root")
    shutil.rmtree(room.project)
    shutil.rmtree(room.folder / "venv")

    monkeypatch.setenv("HOLDFAST_HOME", str(base / "elsewhere"))
    monkeypatch.setenv("UV_CACHE_DIR", str(base / "cache"))
    restored = restore(model)
    found = {(one.name, one.version) for one in restored.environment.inventory().distributions}
    assert found == room.installed("wanted")
    event(f"{len(found)} packages, {len(drawn.members)} members")
    shutil.rmtree(room.folder)


def few_or_many(examples):
    return settings(
        max_examples=examples,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
        phases=[Phase.generate],  # an example takes seconds: none is tried again, smaller
    )


@few_or_many(3)
@given(drawn=workspaces())
def test_what_is_restored_is_what_uv_would_sync(drawn, index, lent, tmp_path_factory):
    base = tmp_path_factory.getbasetemp() / "random-projects"
    with pytest.MonkeyPatch.context() as patch:
        check(drawn, index, lent, base, patch)


@pytest.mark.slow
@few_or_many(60)
@given(drawn=workspaces())
def test_what_is_restored_is_what_uv_would_sync_of_many(drawn, index, lent, tmp_path_factory):
    base = tmp_path_factory.getbasetemp() / "random-projects"
    with pytest.MonkeyPatch.context() as patch:
        check(drawn, index, lent, base, patch)
