"""Stock pip and uv restore a model with a git dependency: each other package is bound by its URL.

Pip wants a hash of everything as soon as one line has one, and a repository has none.
"""

from __future__ import annotations

import functools
import http.server
import re
import shutil
import subprocess
import threading
from contextlib import contextmanager

import pytest

from indexes import PASSWORD, USER, make_wheel, serving
from kit import run
from stock import Receiver, installed, make_decoys, seal_model, sealed_versions

PACKAGE = """
[project]
name = "lib"
version = "0.3"
dependencies = ["iniconfig"]
[build-system]
requires = ["hatchling"]
build-backend = "hatchling.build"
"""
WHO = ("-c", "user.name=Ada", "-c", "user.email=ada@example.invalid")
OURS = "import lib, mine, trainer; print(lib.scale, mine.scale, trainer.answer.__name__)"


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


@contextmanager
def repository(folder):
    """A repository as a plain web server gives it; pip 23 knows no `git+file:`."""
    (folder / "lib" / "lib").mkdir(parents=True)
    (folder / "lib" / "pyproject.toml").write_text(PACKAGE)
    (folder / "lib" / "lib" / "__init__.py").write_text("scale = 3\n")
    git = functools.partial(subprocess.run, cwd=folder / "lib", check=True, capture_output=True)
    program = shutil.which("git")
    for command in (
        ("init", "--quiet"), ("add", "."), (*WHO, "commit", "--quiet", "-m", "lib"),
        ("update-server-info",),
    ):  # fmt: skip
        git([program, *command])
    handler = functools.partial(Quiet, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/lib/.git"
        finally:
            server.shutdown()


@pytest.mark.slow
def test_a_git_dependency(new_project, shared, tmp_path, proven):
    cells = [
        proven("stock MLflow", "requirements.txt with a git dependency", tool)
        for tool in ("pip", "uv")
    ]
    make_wheel(tmp_path / "corp", {"mine/__init__.py": "scale = 10\n"})
    netrc = tmp_path / "netrc"
    netrc.write_text(f"machine 127.0.0.1 login {USER} password {PASSWORD}\n")
    receiver = Receiver(folder=tmp_path, netrc=netrc)
    project = new_project()
    project.environment = shared / "venv-small"
    model = tmp_path / "model"
    with (
        repository(tmp_path / "hosted") as url,
        serving(tmp_path / "corp", user=USER, password=PASSWORD) as corp,
        serving(make_decoys(tmp_path / "decoy")) as decoy,
    ):
        small = {"exclude": ["mlflow-skinny", "pandas"]}
        sources = {"lib": {"git": url}}
        seal_model(project, corp, model, "lib", sources=sources, tool_holdfast=small)
        text = (model / "requirements.txt").read_text()
        assert "==" not in text, text
        decoys = {"PIP_EXTRA_INDEX_URL": decoy.url, "UV_INDEX": decoy.url}
        for cell in cells:
            tool = cell["column"]
            environment = receiver.venv(tool)
            ran = receiver.install(tool, environment, "-r", "requirements.txt", cwd=model, **decoys)
            assert ran.code == 0, ran
            assert installed(environment) == sealed_versions(model)
            ran = run([str(environment / "bin" / "python"), "-c", OURS], cwd=tmp_path)
            assert ran.out == "3 10 answer\n", ran
            cell["note"] = "by URL and commit"

            wrong = re.sub("#sha256=[0-9a-f]{64}", f"#sha256={'0' * 64}", text)
            (model / "bad.txt").write_text(wrong)
            ran = receiver.install(
                tool, receiver.venv(f"{tool}-bad"), "-r", "bad.txt", cwd=model, **decoys
            )
            assert ran.code != 0, ran
            assert "hash" in (ran.out + ran.err).lower(), ran


@pytest.mark.parametrize("tool", ["pip", "uv"])
def test_a_fragment_is_a_hash(tool, tmp_path, proven):
    """What the form above stands on: both tools compare a URL's fragment with the bytes."""
    wheel = make_wheel(tmp_path / "files", {"mine/__init__.py": ""})
    wrong = f"mine @ {wheel.as_uri()}#sha256={'0' * 64}"
    receiver = Receiver(folder=tmp_path, netrc=tmp_path / "none")
    ran = receiver.install(tool, receiver.venv("v"), "--no-deps", wrong, cwd=tmp_path)
    assert ran.code != 0, ran
    assert "hash" in (ran.out + ran.err).lower()
