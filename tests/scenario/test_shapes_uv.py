"""PEERS 6 and 13, and the shapes a uv project may have: each is logged, deleted and restored."""

from __future__ import annotations

import functools
import http.server
import shutil
import subprocess
import threading
from contextlib import contextmanager

import pytest
import tomli

from indexes import make_wheel, serving
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


@pytest.mark.slow
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


@pytest.mark.slow
def test_a_resolution_is_sealed_with_all_its_forks_and_indexes(
    small_project, holdfast, moved, small_script, rows, proven, tmp_path
):
    cells = [
        proven("shapes", name)
        for name in (
            "[tool.uv.sources] by marker: another index on one platform",
            "[[tool.uv.index]] explicit and not",
            "overrides and constraints",
            "forked lock: versions by marker, by requires-python",
            "environments and required-environments",
            "conflicts between extras",
            "conflicts between groups",
        )
    ]
    gpu, cpu, corp = tmp_path / "gpu", tmp_path / "cpu", tmp_path / "corp"
    for folder, scale in ((gpu, 2), (cpu, 3)):
        make_wheel(folder, {"torchlike/__init__.py": f"scale = {scale}\n"}, name="torchlike")
    for version in ("1.0", "2.0", "3.0"):
        for name in ("forked", "bounded", "forced", "chosen"):
            code = {f"{name}/__init__.py": f"version = {version!r}\n"}
            make_wheel(corp, code, name=name, version=version)
    needs = ["forced==3.0", "bounded"]
    make_wheel(corp, {"wants/__init__.py": ""}, name="wants", requires=needs)
    # Where an index is asked that was not named for it, this one answers first.
    make_wheel(gpu, {"wants/__init__.py": "raise SystemExit\n"}, name="wants", version="9.0")

    with serving(gpu) as linux, serving(cpu) as others, serving(corp) as first:
        project = small_project()
        here = "sys_platform == 'linux'"
        there = "sys_platform == 'darwin'"
        project.pyproject(
            *("mlflow-skinny", "pandas", "torchlike", "wants"),
            f"forked==1.0 ; {here} and python_version < '3.14'",
            f"forked==2.0 ; {there} or python_version >= '3.14'",
            project={"optional-dependencies": {"old": ["chosen==1.0"], "new": ["chosen==2.0"]}},
            tool_uv={
                "index": [
                    {"name": "linux", "url": linux.url, "explicit": True},
                    {"name": "others", "url": others.url, "explicit": True},
                    {"name": "first", "url": first.url},
                ],
                "sources": {
                    "torchlike": [
                        {"index": "linux", "marker": here},
                        {"index": "others", "marker": there},
                    ]
                },
                "override-dependencies": ["forced==1.0"],
                "constraint-dependencies": ["bounded<3"],
                "environments": [here, there],
                "required-environments": [f"{here} and platform_machine == 'x86_64'"],
                "conflicts": [
                    [{"extra": "old"}, {"extra": "new"}],
                    [{"group": "early"}, {"group": "late"}],
                ],
                "exclude-newer-package": dict.fromkeys(
                    ["torchlike", "wants", "forked", "bounded", "forced", "chosen"], False
                ),
            },
            tool_holdfast={"extras": ["new"], "groups": ["late"]},
            **{"dependency-groups": {"early": ["six==1.15.0"], "late": ["six==1.16.0"]}},
        )
        body = "import bounded, chosen, forced, forked, torchlike, wants"
        body += "; return [bounded.version + chosen.version + forced.version + forked.version"
        body += " + version('six'), str(torchlike.scale)]"
        project.write("jobs/nightly/train.py", small_script(body))
        project.uv("sync", "--quiet", "--extra", "new", "--group", "late")
        train(project)
        model = moved(project)
        expected = ["2.02.01.01.01.16.0", "2"]
        notes = {check(holdfast, model, rows, expected)}

    both = {one["index"]: one["marker"] for one in named(model, "torchlike")}
    assert both.keys() == {linux.url, others.url}
    assert "linux" in both[linux.url]
    assert {one["version"]: one["index"] for one in named(model, "forked")} == {
        "1.0": first.url,
        "2.0": first.url,
    }
    assert [one["version"] for one in named(model, "chosen")] == ["2.0"]
    bound = {index["name"]: index["packages"] for index in seal_of(model)["indexes"]}
    assert "torchlike" in bound["linux"]
    for cell in cells:
        cell["note"] = notes.copy().pop()


@pytest.mark.slow  # two environments to build
def test_a_workspace_from_its_root_and_from_a_member(
    small_project, holdfast, moved_all, small_script, rows, proven
):
    cells = [proven("shapes", f"workspace: from {who}") for who in ("the root", "a member")]
    project = small_project()
    shared = {"workspace": True}
    project.pyproject(
        *("mlflow-skinny", "pandas", "features"),
        packaged=True,
        tool_uv={
            "workspace": {"members": ["packages/*"]},
            "sources": {"features": shared},
        },
    )
    project.write("src/trainer/__init__.py", "scale = 2\n")
    for name in ("features", "columns", "broken"):
        write_package(project, f"packages/{name}", name, f"name = {name!r}\n")
    own = 'dependencies = ["holdfast", "mlflow-skinny", "pandas", "columns"]\n[tool.uv.sources]\n'
    own += f'columns = {{ workspace = true }}\nholdfast = {{ path = "{project.wheel}" }}\n'
    write_package(project, "packages/model", "model", "scale = 3\n", more=own)
    root = "import features, trainer; return (model_input['x'] * trainer.scale).to_numpy()"
    member = "import columns, model; return (model_input['x'] * model.scale).to_numpy()"
    for folder, body in (("jobs/nightly", root), ("packages/model/jobs", member)):
        project.write(
            f"{folder}/train.py", small_script(body, SAVE.format("by-" + folder.split("/")[0]))
        )
    project.uv("sync", "--quiet", "--all-packages")
    # Nobody asks for it: that it cannot be built any more is nobody's harm.
    backend = project.folder / "packages/broken/pyproject.toml"
    backend.write_text(backend.read_text().replace("hatchling.build", "no.such.backend"))
    train(project, cwd=".")
    train(project, "packages/model/jobs/train.py", cwd=".")
    from_root, from_member = moved_all(project, "by-jobs", "by-packages")

    for model, cell, expected in zip(
        (from_root, from_member), cells, (["6", "8"], ["9", "12"]), strict=True
    ):
        cell["note"] = check(holdfast, model, rows, expected)
    names = [
        {wheel["name"] for wheel in seal_of(one)["wheels"]} for one in (from_root, from_member)
    ]
    assert names == [{"trainer", "features"}, {"model", "columns"}]


@pytest.mark.slow  # fetched, built and restored three times over
def test_a_commit_stays_what_it_was_while_its_branch_moves_on(
    small_project, holdfast, moved, small_script, rows, proven, tmp_path
):
    cell = proven("shapes", "git dependency, pinned by its commit")
    project = small_project()
    repository, commit = commit_package(project, "lib", "scale = 7\n")
    sources = {"lib": {"git": repository.as_uri(), "branch": "main"}}
    project.pyproject("mlflow-skinny", "pandas", "lib", tool_uv={"sources": sources})
    body = "import lib; return (model_input['x'] * lib.scale).to_numpy()"
    project.write("jobs/nightly/train.py", small_script(body))
    project.sync()
    train(project)
    commit_package(project, "lib", "scale = 0\n")
    model = moved(project)

    (package,) = named(model, "lib")
    assert package["vcs"]["commit-id"] == commit
    holdfast.home = tmp_path / "home"
    cell["note"] = check(holdfast, model, rows, ["21", "28"])
    repository.rename(tmp_path / "away.git")
    holdfast.home, holdfast.env = tmp_path / "another", {"UV_CACHE_DIR": str(tmp_path / "cold")}
    gone = holdfast("restore", model)
    assert gone.code == 3, gone
    assert "lib" in gone.err, gone


@pytest.mark.slow
def test_what_cannot_be_vendored_stays_a_url(
    small_project, holdfast, moved, small_script, rows, proven, tmp_path
):
    cell = proven("shapes", "git dependency that cannot be vendored")
    project = small_project()
    repository, commit = commit_package(project, "lib", "scale = 7\n")
    project.pyproject(
        *("mlflow-skinny", "pandas", "lib"),
        tool_uv={"sources": {"lib": {"git": repository.as_uri()}}},
        tool_holdfast={"vendor": ["git"]},
    )
    body = "import lib; return (model_input['x'] * lib.scale).to_numpy()"
    project.write("jobs/nightly/train.py", small_script(body))
    project.sync()
    repository.rename(tmp_path / "away.git")
    train(project, HOLDFAST_HOME=str(tmp_path / "home-of-logging"))
    (tmp_path / "away.git").rename(repository)
    model = moved(project)

    assert "lib could not be vendored: git clone failed" in seal_of(model)["reasons"][0]
    assert named(model, "lib")[0]["vcs"]["commit-id"] == commit
    cell["note"] = check(holdfast, model, rows, ["21", "28"], grade="frozen")


@pytest.mark.slow
def test_direct_urls_are_bound_to_their_hash(
    small_project, holdfast, moved, small_script, rows, proven, tmp_path
):
    cells = [proven("shapes", f"direct URL of {what}") for what in ("a wheel", "an sdist")]
    project = small_project()
    files = tmp_path / "files"
    make_wheel(files, {"flat/__init__.py": "scale = 3\n"}, name="flat")
    write_package(project, "../source", "source", "scale = 5\n")
    with served(files) as url:
        project.pyproject()
        project.uv("build", "--quiet", "--sdist", "--out-dir", str(files), "../source")
        wheel, sdist = f"{url}/flat-1.0-py3-none-any.whl", f"{url}/source-0.1.tar.gz"
        asked = (f"flat @ {wheel}", f"source @ {sdist}")
        project.pyproject("mlflow-skinny", "pandas", *asked)
        body = "import flat, source; scale = flat.scale * source.scale"
        body += "; return (model_input['x'] * scale).to_numpy()"
        project.write("jobs/nightly/train.py", small_script(body))
        project.sync()
        train(project)
        model = moved(project)
        for name, location in (("flat", wheel), ("source", sdist)):
            assert named(model, name)[0]["archive"]["url"] == location
            assert named(model, name)[0]["archive"]["hashes"]
        for cell in cells:
            cell["note"] = check(holdfast, model, rows, ["45", "60"])
        make_wheel(files, {"flat/__init__.py": "scale = 0\n"}, name="flat")
        holdfast.home, holdfast.env = tmp_path / "h", {"UV_CACHE_DIR": str(tmp_path / "cold")}
        swapped = holdfast("restore", model)
        assert swapped.code == 1, swapped


@pytest.mark.slow
def test_path_dependencies_editable_or_not(
    small_project, holdfast, moved, small_script, rows, proven, tmp_path
):
    cells = [proven("shapes", f"path dependency, {how}") for how in ("editable", "not editable")]
    project = small_project()
    sources = {
        "edited": {"path": "../edited", "editable": True},
        "plain": {"path": "../plain"},
    }
    project.pyproject("mlflow-skinny", "pandas", "edited", "plain", tool_uv={"sources": sources})
    more = 'dependencies = ["deeper"]\n[tool.uv.sources]\ndeeper = { path = "../deeper" }\n'
    write_package(project, "../edited", "edited", "scale = 2\n", more=more)
    write_package(project, "../plain", "plain", "scale = 3\n")
    write_package(project, "../deeper", "deeper", "scale = 5\n")
    body = "import deeper, edited, plain; scale = deeper.scale * edited.scale * plain.scale"
    body += "; return (model_input['x'] * scale).to_numpy()"
    project.write("jobs/nightly/train.py", small_script(body))
    project.sync()
    train(project)
    model = moved(project)
    for name in ("edited", "plain", "deeper"):
        shutil.rmtree(tmp_path / name)

    assert {one["name"] for one in seal_of(model)["wheels"]} == {"edited", "plain", "deeper"}
    for cell in cells:
        cell["note"] = check(holdfast, model, rows, ["90", "120"])


@pytest.mark.slow
def test_what_is_installed_from_git_is_vendored_without_a_lock(
    small_project, holdfast, moved, small_script, rows, proven, tmp_path
):
    cell = proven("shapes", "git dependency, vendored without a lock")
    project = small_project()
    repository, _ = commit_package(project, "lib", "scale = 7\n")
    files = tmp_path / "files"
    make_wheel(files, {"flat/__init__.py": "scale = 3\n"}, name="flat")
    with served(files) as url:
        wheel = f"{url}/flat-1.0-py3-none-any.whl"
        project.pyproject(
            *("mlflow-skinny", "pandas", "lib", "flat"),
            tool_uv={"sources": {"lib": {"git": repository.as_uri()}, "flat": {"url": wheel}}},
            tool_holdfast={"vendor": ["git", "url"]},
        )
        body = "import flat, lib; return (model_input['x'] * flat.scale * lib.scale).to_numpy()"
        project.write("jobs/nightly/train.py", small_script(body))
        project.sync()
        (project.folder / "uv.lock").unlink()
        train(project)
        model = moved(project)
        shutil.rmtree(repository)
        # Nobody wrote down what the archive's bytes were when it was installed.
        assert [wheel["name"] for wheel in seal_of(model)["wheels"]] == ["lib"]
        assert any("flat could not be vendored" in one for one in seal_of(model)["reasons"])
        cell["note"] = check(holdfast, model, rows, ["63", "84"], grade="frozen")
