"""Every kind of source, from a real lock: git, a direct URL, archives on disk, a flat index."""

import functools
import hashlib
import http.server
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from tiny_wheels import write_wheel
from uv_export import from_pylock, lock, to_requirements, tomllib

from holdfast.errors import LockError
from holdfast.lock.pylock import FirstPartyWheel, dumps, from_dict, loads, to_pylock

PROJECT = """\
[project]
name = "sources"
version = "0.1.0"
requires-python = ">=3.10"
dependencies = [{dependencies}]

[tool.uv]
no-index = true
{settings}
"""


def make(directory: Path, dependencies: str, settings: str):
    directory.mkdir(exist_ok=True)
    text = PROJECT.format(dependencies=dependencies, settings=settings)
    (directory / "pyproject.toml").write_text(text)
    return lock(directory)


@pytest.fixture
def repository(tmp_path):
    """A git repository with a package at its root and one in a folder."""
    root = tmp_path / "repository"
    for name, directory in (("rooted", root), ("nested", root / "sub")):
        directory.mkdir(parents=True)
        (directory / "pyproject.toml").write_text(f'[project]\nname = "{name}"\nversion = "1.0"\n')
    git = functools.partial(subprocess.run, cwd=root, check=True, capture_output=True, text=True)
    git(["git", "init", "-q", "-b", "main"])
    git(["git", "add", "."])
    who = ["-c", "user.name=Ada", "-c", "user.email=ada@example.org"]
    git(["git", *who, "commit", "-q", "-m", "One commit"])
    return root, git(["git", "rev-parse", "HEAD"]).stdout.strip()


def test_git(tmp_path, repository):
    root, commit = repository
    url = f"file://{root}"
    project = make(
        tmp_path / "project",
        '"rooted", "nested"',
        f'[tool.uv.sources]\nrooted = {{ git = "{url}", branch = "main" }}\n'
        f'nested = {{ git = "{url}", subdirectory = "sub" }}',
    )
    pylock = project.pylock()
    nested, rooted = pylock["packages"]

    assert rooted["vcs"] == {
        "type": "git", "url": url, "requested-revision": "main", "commit-id": commit,
    }  # fmt: skip
    assert nested["vcs"] == {
        "type": "git", "url": url, "commit-id": commit, "subdirectory": "sub",
    }  # fmt: skip
    exported = tomllib.loads(project.exported("pylock.toml"))
    assert from_pylock(pylock, {"sources"}) == {
        *from_pylock({"packages": [{**one, "version": "1.0"} for one in exported["packages"]]})
    }
    assert to_requirements(pylock) == (
        f"nested @ git+{url}@{commit}#subdirectory=sub\nrooted @ git+{url}@{commit}\n"
    )
    assert loads(dumps(pylock)) == from_dict(pylock)


@pytest.fixture
def served(tmp_path):
    """A directory of files, over HTTP from this machine."""
    root = tmp_path / "served"
    root.mkdir()
    handler = functools.partial(_Quiet, directory=root)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield root, f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


def test_direct_url_with_a_password_and_a_hash(tmp_path, served):
    root, url = served
    wheel = write_wheel(root, "direct", "1.0")
    with_password = url.replace("http://", "http://ada:secret@")
    project = make(
        tmp_path / "project",
        '"direct"',
        f'[tool.uv.sources]\ndirect = {{ url = "{with_password}/{wheel.name}" }}',
    )
    pylock = project.pylock()
    digest = hashlib.sha256(wheel.read_bytes()).hexdigest()

    (package,) = pylock["packages"]
    assert package["archive"]["url"] == f"{url}/{wheel.name}"
    assert package["archive"]["hashes"] == {"sha256": digest}
    assert to_requirements(pylock) == f"direct @ {url}/{wheel.name}#sha256={digest}\n"
    assert "secret" not in dumps(pylock)
    assert loads(dumps(pylock)) == from_dict(pylock)


def test_flat_index_on_disk(tmp_path):
    index = tmp_path / "index"
    wheel = write_wheel(index, "local", "1.0")
    project = make(tmp_path / "project", '"local"', f'find-links = ["{index}"]')
    (package,) = project.closure().packages[:1]

    assert package.package.source.kind == "registry"
    assert [one.package.name for one in project.closure().on_disk] == ["local"]
    with pytest.raises(LockError, match="local: no wheel was taken from the index on this disk"):
        to_pylock(project.closure(), wheels={})

    built = FirstPartyWheel(
        filename=wheel.name, path=f"holdfast/wheels/{wheel.name}", sha256="1" * 64, version="1.0"
    )
    (sealed,) = to_pylock(project.closure(), wheels={"Local": built})["packages"]
    assert sealed["wheels"] == [{"path": built.path, "hashes": {"sha256": "1" * 64}}]


def test_archive_on_disk_is_first_party(tmp_path):
    wheel = write_wheel(tmp_path / "files", "archived", "1.0")
    project = make(
        tmp_path / "project", '"archived"', f'[tool.uv.sources]\narchived = {{ path = "{wheel}" }}'
    )
    closure = project.closure()
    assert [one.package.name for one in closure.first_party] == ["archived", "sources"]
    with pytest.raises(LockError, match="archived: no wheel was built"):
        to_pylock(closure, wheels={})
    (package,) = project.pylock()["packages"]
    assert package["wheels"][0]["path"].startswith("holdfast/wheels/")


def test_old_packaging_is_enough_to_write(project, tmp_path):
    """Old MLflow holds packaging below 25, which knows no pylock."""
    locked = project("forked-by-platform")
    source = Path(sys.modules["holdfast"].__file__).parents[1]
    script = tmp_path / "write.py"
    script.write_text(
        "import sys, tomli_w, packaging\n"
        "try:\n    import tomllib\n"
        "except ImportError:\n    import tomli as tomllib\n"
        "from holdfast.errors import ToolError\n"
        "from holdfast.lock import closure, diff, graph, pylock, requirements, target\n"
        "assert packaging.__version__ == '23.2'\n"
        "table = tomllib.loads(open(sys.argv[1]).read())\n"
        "wanted = closure.production_closure(graph.LockGraph.from_dict(table))\n"
        "from packaging.markers import default_environment\n"
        "assert 'anyio' in wanted.select(default_environment())\n"
        "text = pylock.dumps(pylock.to_pylock(wanted, wheels={}))\n"
        "try:\n"
        "    pylock.loads(text)\n"
        "except ToolError as error:\n"
        "    assert error.hint == 'uv tool install holdfast'\n"
        "    print(text, end='')\n"
    )
    from holdfast.uv import run_uv

    printed = run_uv(
        [
            *("run", "--no-project", "--isolated", "--python", sys.executable),
            *("--with", "packaging==23.2", "--with", "tomli-w", "--with", "tomli"),
            *("python", script, locked.directory / "uv.lock"),
        ],
        env={"PYTHONPATH": str(source)},
    )
    assert loads(printed) == from_dict(locked.pylock())
