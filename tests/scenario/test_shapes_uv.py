"""PEERS 6 and 13, and the shapes a uv project may have: each is logged, deleted and restored."""

from __future__ import annotations

import functools
import http.server
import shutil
import subprocess
import threading
from contextlib import contextmanager

import tomli

from indexes import make_wheel
from kit import answers, seal_of, surroundings

PACKAGE = '[project]\nname = "{name}"\nversion = "0.1"\nrequires-python = ">=3.10"\n{more}'
BUILT = '\n[build-system]\nrequires = ["hatchling"]\nbuild-backend = "hatchling.build"\n'
SAVE = 'mlflow.pyfunc.save_model("{}", python_model=Answer(), input_example=example)'
GIT = shutil.which("git") or "git"
WHO = {"GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_SYSTEM": "/dev/null"} | {
    f"GIT_{role}_{what}": value
    for role in ("AUTHOR", "COMMITTER")
    for what, value in (("NAME", "Ada"), ("EMAIL", "ada@example.invalid"))
}


def packages(model):
    with (model / "pylock.toml").open("rb") as file:
        return tomli.load(file)["packages"]


def named(model, name):
    return [package for package in packages(model) if package["name"] == name]


def git(folder, *arguments):
    done = subprocess.run(
        [GIT, "-C", str(folder), *arguments],
        env=surroundings(**WHO), check=True, capture_output=True, text=True,
    )  # fmt: skip
    return done.stdout.strip()


def write_package(project, folder, name, code, more=""):
    project.write(f"{folder}/pyproject.toml", PACKAGE.format(name=name, more=more) + BUILT)
    project.write(f"{folder}/src/{name}/__init__.py", code)


def commit_package(project, name, code, *, inside=""):
    """A repository beside the project, with one package; its commit."""
    repository = project.folder.parent / f"{name}.git"
    if not repository.exists():
        repository.mkdir()
        git(repository, "init", "--quiet", "--initial-branch=main")
    write_package(project, repository / inside, name, code)
    git(repository, "add", ".")
    git(repository, "commit", "--quiet", "-m", "a package")
    return repository, git(repository, "rev-parse", "HEAD")


@contextmanager
def served(folder):
    """A folder of files over HTTP, on loopback."""
    handler = functools.partial(_Quiet, directory=folder)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


def train(project, script="jobs/nightly/train.py", cwd="jobs", **env):
    ran = project.train(script, cwd=cwd, **env)
    assert ran.code == 0, ran
    return ran


def check(holdfast, model, rows, expected, grade="locked"):
    """It predicts as it did, and all of it verifies; its grade is as expected."""
    seal = seal_of(model)
    assert seal["grade"] == grade, seal["reasons"]
    assert answers(holdfast, model, rows) == expected
    receipt = holdfast.receipt(model)
    assert receipt["matches"], receipt
    return seal["grade"]


def test_what_a_url_names_is_vendored_and_the_url_goes(
    small_project, holdfast, moved, small_script, rows, proven, tmp_path
):
    cells = [
        proven("shapes", f"{what}, vendored")
        for what in ("git dependency", "direct URL of a wheel", "direct URL of an sdist")
    ]
    project = small_project()
    repository, commit = commit_package(project, "deep", "scale = 2\n", inside="python/deep")
    files = tmp_path / "files"
    make_wheel(files, {"flat/__init__.py": "scale = 3\n"}, name="flat")
    write_package(project, "../source", "source", "scale = 5\n")
    with served(files) as url:
        project.pyproject()
        project.uv("build", "--quiet", "--sdist", "--out-dir", str(files), "../source")
        project.pyproject(
            *("mlflow-skinny", "pandas", "deep", "flat"),
            f"source @ {url}/source-0.1.tar.gz",
            tool_uv={
                "sources": {
                    "deep": {"git": repository.as_uri(), "subdirectory": "python/deep"},
                    "flat": {"url": f"{url}/flat-1.0-py3-none-any.whl"},
                }
            },
            tool_holdfast={"vendor": ["git", "url"]},
        )
        body = "import deep, flat, source; scale = deep.scale * flat.scale * source.scale"
        body += "; return (model_input['x'] * scale).to_numpy()"
        project.write("jobs/nightly/train.py", small_script(body))
        project.sync()
        train(project)
    model = moved(project)
    shutil.rmtree(repository)
    shutil.rmtree(files)

    assert {wheel["name"] for wheel in seal_of(model)["wheels"]} == {"deep", "flat", "source"}
    for name in ("deep", "flat", "source"):
        (package,) = named(model, name)
        assert [*package["wheels"][0]] == ["path", "hashes"]
    assert commit not in (model / "pylock.toml").read_text()
    assert "--hash" in (model / "requirements.txt").read_text()
    for cell in cells:
        cell["note"] = check(holdfast, model, rows, ["90", "120"])
