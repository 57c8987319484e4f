"""Over every sample project, the lock room says what `uv export` says."""

from dataclasses import dataclass, field

import pytest
from uv_export import PROJECTS, from_pylock, from_requirements, to_requirements, tomllib

from holdfast.lock.pylock import dumps, from_dict, loads


@dataclass(frozen=True)
class Case:
    project: str
    options: tuple[str, ...] = ()
    asked: dict[str, list[str]] = field(default_factory=dict)

    def __str__(self):
        return " ".join((self.project, *self.options))


def with_extra(project, *extras):
    return Case(project, tuple(f"--extra={extra}" for extra in extras), {"extras": list(extras)})


def with_group(project, *groups):
    return Case(project, tuple(f"--group={group}" for group in groups), {"groups": list(groups)})


def from_member(project, *members):
    return Case(
        project, tuple(f"--package={member}" for member in members), {"roots": list(members)}
    )


CASES = [
    *(
        Case(path.parent.name)
        for path in sorted(PROJECTS.glob("*/pyproject.toml"))
        if path.parent.name != "default-groups"
    ),
    Case("default-groups", (), {"groups": ["serve"]}),
    Case("default-groups", ("--no-default-groups",)),
    with_extra("extras-and-groups", "serve"),
    with_extra("extras-and-groups", "all", "nothing"),
    with_group("extras-and-groups", "score"),
    with_group("extras-and-groups", "test", "score"),
    Case(
        "extras-and-groups",
        ("--prune=anyio", "--extra=all"),
        {"prune": ["anyio"], "extras": ["all"]},
    ),
    Case("plain", ("--prune=rich",), {"prune": ["rich"]}),
    Case("plain", ("--prune=Markdown_It.Py",), {"prune": ["Markdown_It.Py"]}),
    Case("extras-of-dependencies", ("--prune=watchfiles",), {"prune": ["watchfiles"]}),
    with_extra("conflicting-extras", "cpu"),
    with_extra("conflicting-extras", "gpu", "other"),
    with_group("conflicting-extras", "old"),
    with_group("conflicting-extras", "new"),
    Case(
        "conflicting-extras",
        ("--extra=cpu", "--group=old"),
        {"extras": ["cpu"], "groups": ["old"]},
    ),
    from_member("conflicting-members", "members-service"),
    from_member("conflicting-members", "members-model"),
    from_member("workspace", "workspace-notebooks"),
    from_member("workspace", "workspace-columns", "workspace-settings"),
    Case(
        "workspace",
        ("--all-packages",),
        {"roots": ["workspace-root", "workspace-notebooks", "workspace-features"]},
    ),
    Case(
        "workspace",
        ("--package=workspace-columns", "--extra=fast"),
        {"roots": ["workspace-columns"], "extras": ["fast"]},
    ),
    with_group("workspace-without-root", "check"),
    from_member("workspace-without-root", "rootless-two"),
    from_member("cycle", "cycle-left"),
    from_member("cycle", "cycle-right"),
]


@pytest.fixture(params=CASES, ids=str)
def case(request):
    return request.param


def first_party_of(pylock):
    return {package["name"] for package in pylock["packages"] if "directory" in package}


def test_pylock_is_what_uv_exports(project, case):
    locked = project(case.project)
    exported = tomllib.loads(locked.exported("pylock.toml", *case.options))
    ours = locked.pylock(**case.asked)
    first_party = first_party_of(exported)

    assert from_pylock(ours, first_party) == from_pylock(exported, first_party)
    assert ours.get("requires-python") == exported.get("requires-python")
    assert ours.get("environments") == exported.get("environments")


def test_requirements_are_what_uv_exports(project, case):
    locked = project(case.project)
    exported = locked.exported("requirements.txt", *case.options)
    pylock = locked.pylock(**case.asked)
    ours = to_requirements(pylock)

    assert from_requirements(ours, pylock) == from_requirements(exported, pylock)


def test_pylock_is_valid_and_reads_back(project, case):
    pylock = project(case.project).pylock(**case.asked)
    read = loads(dumps(pylock))

    assert read == from_dict(pylock)
    assert loads(dumps(read.to_dict())) == read


def test_every_dependency_leads_to_one_entry(project, case):
    pylock = project(case.project).pylock(**case.asked)
    for package in pylock["packages"]:
        for dependency in package.get("dependencies", ()):
            met = [
                other
                for other in pylock["packages"]
                if all(other.get(key) == value for key, value in dependency.items())
            ]
            assert len(met) == 1
            assert met[0] is not package
