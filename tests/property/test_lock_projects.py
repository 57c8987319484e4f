"""Random projects, locked by the real uv: the lock room says what `uv export` says.

Each example is an index of tiny wheels with random dependencies, extras, markers and versions, and
a project that asks for some of them. The index is served from this machine over HTTP, so that the
lock has URLs and hashes as any lock has; nothing leaves the machine.
"""

import functools
import hashlib
import http.server
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import pytest
import tomli_w
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from holdfast.errors import ToolError
from holdfast.lock.pylock import dumps, from_dict, loads

sys.path.append(str(Path(__file__).parents[1] / "unit" / "lock"))

from tiny_wheels import write_wheel
from uv_export import GRID, from_pylock, from_requirements, lock, to_requirements, tomllib

NAMES = ["ash", "birch", "cedar", "elm", "fir"]
VERSIONS = ["1.0", "1.5", "2.0"]
EXTRAS = ["x", "y"]
MARKERS = [
    "python_version < '3.12'",
    "python_version >= '3.12'",
    "python_full_version >= '3.11.5'",
    "sys_platform == 'linux'",
    "sys_platform != 'linux'",
    "platform_machine == 'x86_64' or sys_platform == 'win32'",
    "implementation_name == 'pypy'",
    "os_name == 'nt' and python_version >= '3.11'",
]


@dataclass(frozen=True)
class Drawn:
    """One random index and project.

    Attributes:
        wheels: (name, version) -> requirements.
    """

    wheels: dict[tuple[str, str], list[str]]
    dependencies: list[str]
    optional: dict[str, list[str]]
    groups: dict[str, list[str]]
    conflict: bool
    environments: list[str]


@st.composite
def requirements(draw, *, own_extra=False):
    name = draw(st.sampled_from(NAMES))
    extra = draw(st.sampled_from(["", "", "[x]", "[y]", "[x,y]"]))
    bound = draw(st.sampled_from(["", "", "", "<2", ">=1.5", "==1.0"]))
    markers = [draw(st.sampled_from(["", "", *MARKERS]))]
    if own_extra:
        markers.append(draw(st.sampled_from(["", "extra == 'x'", "extra == 'y'"])))
    marker = " and ".join(f"({one})" for one in markers if one)
    return f"{name}{extra}{bound}" + (f" ; {marker}" if marker else "")


@st.composite
def forked(draw):
    """One name, in one version where a marker is true and in another where not."""
    name = draw(st.sampled_from(NAMES))
    where, elsewhere = draw(st.sampled_from([MARKERS[0:2], MARKERS[3:5]]))
    return [f"{name}==1.0 ; {where}", f"{name}==2.0 ; {elsewhere}"]


@st.composite
def projects(draw):
    some = st.lists(requirements(), max_size=2)
    fork = draw(st.one_of(st.just([]), forked()))
    return Drawn(
        wheels={
            (name, version): draw(st.lists(requirements(own_extra=True), max_size=3))
            for name in NAMES
            for version in VERSIONS
        },
        dependencies=[*draw(st.lists(requirements(), min_size=1, max_size=3)), *fork],
        optional={extra: draw(some) for extra in ("cpu", "gpu")},
        groups={"score": draw(some)},
        conflict=draw(st.booleans()),
        environments=draw(
            st.sampled_from([[], [], ["sys_platform == 'linux'", MARKERS[4]], [MARKERS[3]]])
        ),
    )


@pytest.fixture(scope="module")
def index(tmp_path_factory) -> Iterator[tuple[Path, str]]:
    """A directory, and the URL it is served at."""
    root = tmp_path_factory.mktemp("index")
    handler = functools.partial(_Quiet, directory=root)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield root, f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


class _Quiet(http.server.SimpleHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass


def write_index(directory: Path, drawn: Drawn) -> None:
    links = []
    for (name, version), requires in drawn.wheels.items():
        wheel = write_wheel(directory, name, version, requires=requires, extras=EXTRAS)
        digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
        links.append(f'<a href="{wheel.name}#sha256={digest}">{wheel.name}</a>')
    (directory / "index.html").write_text("\n".join(links))


def write_project(directory: Path, drawn: Drawn, url: str) -> None:
    uv = {
        "environments": drawn.environments,
        "conflicts": [[{"extra": "cpu"}, {"extra": "gpu"}]] if drawn.conflict else [],
        "index": [{"url": url, "format": "flat", "default": True}],
    }
    project = {
        "name": "drawn",
        "version": "0",
        "requires-python": ">=3.10",
        "dependencies": drawn.dependencies,
        "optional-dependencies": drawn.optional,
    }
    directory.mkdir()
    text = tomli_w.dumps(
        {"project": project, "dependency-groups": drawn.groups, "tool": {"uv": uv}}
    )
    (directory / "pyproject.toml").write_text(text)


ASKED = [
    ((), {}),
    (("--extra=cpu",), {"extras": ["cpu"]}),
    (("--extra=gpu", "--group=score"), {"extras": ["gpu"], "groups": ["score"]}),
    (("--prune=ash",), {"prune": ["ash"]}),
]
NUMBERS = count()


@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.filter_too_much],
)
@given(drawn=projects(), asked=st.sampled_from(ASKED))
def test_random_projects_are_closed_as_uv_exports_them(index, tmp_path_factory, drawn, asked):
    root, url = index
    options, wanted = asked
    number = str(next(NUMBERS))
    write_index(root / number, drawn)
    directory = tmp_path_factory.mktemp("drawn") / "project"
    write_project(directory, drawn, f"{url}/{number}/")
    try:
        project = lock(directory, f"--cache-dir={root.parent / 'cache'}")
    except ToolError as error:
        # Some random wishes cannot be had together; the message has the end of uv's reasons.
        assume("unsatisfiable" not in error.message)
        raise

    exported = tomllib.loads(project.exported("pylock.toml", *options))
    pylock = project.pylock(**wanted)
    assert somewhere(from_pylock(pylock)) == somewhere(from_pylock(exported))
    text = project.exported("requirements.txt", *options)
    ours = from_requirements(to_requirements(pylock), pylock)
    assert somewhere(ours) == somewhere(from_requirements(text, pylock))
    assert loads(dumps(pylock)) == from_dict(pylock)
    one_version_a_name(project.closure(**wanted), exported)


def somewhere(said):
    """uv may know of one more contradiction between markers than we: what is for no machine."""
    return {one for one in said if one.where}


def one_version_a_name(closure, exported):
    """What is selected for one machine is what the marker grid says, and never two of a name."""
    said = from_pylock(exported)
    for place in (0, 42, len(GRID) - 1):
        expected = {(one.name, one.version) for one in said if place in one.where}
        if expected and GRID[place]["sys_platform"] == "linux":
            selected = closure.select(GRID[place]).items()
            assert {(name, one.version) for name, one in selected if name != "drawn"} == expected
