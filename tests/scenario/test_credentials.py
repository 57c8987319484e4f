"""No credential leaves: not into a model, a log, an error or the store, whatever happens.

Canaries are planted wherever a user may keep a credential, and every byte that comes out, at log
time and when the model is restored, on success and on failure, is searched for them.
"""

from __future__ import annotations

import base64
import io
import json
import os
import shutil
import subprocess
import tarfile
import zipfile

import pytest

from holdfast.uv import run_uv
from indexes import make_wheel
from kit import answers, seal_of, surroundings
from private_host import hosting, write_index

DOORS = {
    "corp": ("corp-ada", "hushed-in-pyproject-url"),
    "named": ("named-ada", "hushed-in-uv-index-variable"),
    "machine": ("ada", "hushed-in-netrc"),
    "keyed": ("keyed-ada", "hushed-in-keyring"),
    "personal": ("personal-ada", "hushed-in-users-uv-toml"),
    "git": ("x-token", "hushed-in-git-url"),
}
NAMED = {"UV_INDEX_NAMED_USERNAME": "named-ada", "UV_INDEX_NAMED_PASSWORD": DOORS["named"][1]}
OTHERS = {
    "DEPLOY_TOKEN": "hushed-token-variable",
    "AWS_SECRET_ACCESS_KEY": "hushed-of-a-cloud",
    "DATABASE_URL": "db://ada:hushed-of-a-database@db.invalid/x",
    "UV_PUBLISH_TOKEN": "hushed-to-publish",
    "MLFLOW_TRACKING_PASSWORD": "hushed-of-a-tracking-server",
}
LOUD = {"RUST_LOG": "trace", "GIT_TRACE": "1", "GIT_TRACE_CURL": "1", "GIT_CURL_VERBOSE": "1"}
# What a header of a request has, in a trace.
CANARIES = [b"hushed-", *(base64.b64encode(f"{u}:{p}".encode()) for u, p in DOORS.values())]

BACKEND = """
import os, sys
from hatchling.build import *
from hatchling.build import build_wheel as _build_wheel

def build_wheel(*given, **options):
    for name, value in os.environ.items():
        print(f"{{name}}={{value}}", file=sys.stderr)
    print(dict(os.environ), file=sys.stderr)
    if {broken}:
        sys.exit("the build is broken")
    return _build_wheel(*given, **options)
"""
PYPROJECT = """
[project]
name = "{name}"
version = "1.0"
dependencies = {asks}
[tool.hatch.metadata]
allow-direct-references = true
[build-system]
requires = ["hatchling"]
build-backend = "backend"
backend-path = ["."]
"""
KEYRING = """#!/bin/sh
[ "$1" = get ] && echo hushed-in-keyring
"""
BODY = """import incorp, innamed, inmachine, inkeyed, ingit, leaky, printer
        if model_input["x"].iloc[0] < 0:
            raise RuntimeError(f"a debugging aid: {dict(os.environ)}")
        return (model_input["x"] * 2).to_numpy()"""
# The loudest that a user can make it.
DEBUG = "import logging; logging.getLogger('holdfast').setLevel(logging.DEBUG)\n"
DEBUG += "logging.getLogger('holdfast').addHandler(logging.StreamHandler())\n"
SAVE = 'mlflow.pyfunc.save_model("{}", python_model=Answer(), input_example=example)'


def leaks(name, data):
    """Where a canary is in `data`, inside of archives as well."""
    found = [(str(name), one) for one in CANARIES if one in data]
    if data[:4] == b"PK\x03\x04":
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            for entry in archive.namelist():
                found += leaks(f"{name}/{entry}", archive.read(entry))
    return found


def leaks_in(folder):
    assert folder.is_dir()
    files = [p for p in folder.rglob("*") if p.is_file() and not p.is_symlink()]
    return [leak for path in files for leak in leaks(path, path.read_bytes())]


def leaks_of(ran):
    return leaks("said", (ran.out + ran.err).encode())


def write_source(folder, name, broken="False", asks=()):
    (folder / "src" / name).mkdir(parents=True, exist_ok=True)
    (folder / "src" / name / "__init__.py").write_text("")
    (folder / "backend.py").write_text(BACKEND.format(broken=broken))
    (folder / "pyproject.toml").write_text(PYPROJECT.format(name=name, asks=list(asks)))


def make_sdist(folder):
    """A source distribution whose build prints its surroundings, and fails when told to."""
    write_source(folder, "leaky", broken="os.environ.get('BREAK_LEAKY')")
    (folder / "PKG-INFO").write_text("Metadata-Version: 2.1\nName: leaky\nVersion: 1.0\n")
    sdist = folder.parent / "leaky-1.0.tar.gz"
    with tarfile.open(sdist, "w:gz") as archive:
        archive.add(folder, "leaky-1.0")
    return sdist


def make_repository(folder, bare):
    source = folder / "ingit"
    write_source(source, "ingit")
    git = [shutil.which("git"), "-c", "user.name=a", "-c", "user.email=a@b.invalid"]
    for line in ("init -q", "add .", "commit -q -m one", f"clone -q --bare . {bare}"):
        subprocess.run([*git, *line.split()], cwd=source, env=surroundings(), check=True)
    subprocess.run([*git, "update-server-info"], cwd=bare, env=surroundings(), check=True)


@pytest.fixture
def doors(tmp_path):
    """The host's folder: four indexes with a wheel each, an sdist in one, a repository."""
    folder = tmp_path / "host"
    wheels = tmp_path / "wheels"
    for door in ("corp", "named", "machine", "keyed"):
        write_index(folder / door, make_wheel(wheels, {f"in{door}.py": ""}, name=f"in{door}"))
    write_index(folder / "corp", make_sdist(tmp_path / "leaky"))
    (folder / "git").mkdir()
    make_repository(tmp_path, folder / "git" / "ingit")
    return folder


@pytest.fixture
def planted(tmp_path):
    """The variables of a user who keeps credentials in every place there is."""
    programs = tmp_path / "programs"
    programs.mkdir()
    (programs / "keyring").write_text(KEYRING)
    (programs / "keyring").chmod(0o755)
    netrc = tmp_path / "netrc"
    netrc.write_text(f"machine localhost login ada password {DOORS['machine'][1]}\n")
    config = tmp_path / "config" / "uv"
    config.mkdir(parents=True)
    url = f"http://ada:{DOORS['personal'][1]}@127.0.0.1:1/personal/simple"
    config.joinpath("uv.toml").write_text(
        f'[[index]]\nname = "personal"\nurl = "{url}"\nexplicit = true\n'
    )
    return {
        **(NAMED | OTHERS | LOUD),
        "UV_INDEX_KEYED_USERNAME": "keyed-ada",
        "UV_KEYRING_PROVIDER": "subprocess",
        "NETRC": str(netrc),
        "XDG_CONFIG_HOME": str(config.parent),
        "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}",
        "UV_HTTP_RETRIES": "0",
    }


def write_project(project, host, script):
    names = ["incorp", "innamed", "inmachine", "inkeyed"]
    index = [
        {"name": door, "url": f"{url}/simple", "explicit": True}
        for door, url in {
            "corp": host.url("corp", secret=True),
            "named": host.url("named"),
            "machine": host.url("machine", name="localhost"),
            "keyed": host.url("keyed"),
        }.items()
    ]
    sources = {name: {"index": name.removeprefix("in")} for name in names}
    project.pyproject(
        *("mlflow-skinny", "pandas", "leaky", "ingit", "printer", *names),
        tool_uv={
            "index": index,
            "sources": {
                **sources,
                "leaky": {"index": "corp"},
                "ingit": {"git": f"{host.url('git', secret=True)}/ingit"},
                "printer": {"path": "../printer"},
            },
            "exclude-newer-package": dict.fromkeys([*names, "leaky"], False),
            "extra-build-variables": {"printer": {"BUILD_TOKEN": "hushed-for-a-build"}},
        },
        tool_holdfast={"vendor": ["git"]},
    )
    with (project.folder / "pyproject.toml").open("a") as file:
        file.write('\n[tool.deploy]\napi-token = "hushed-of-another-tool"\n')
    write_printer(project, host)
    project.write("train.py", script)


def write_printer(project, host, broken="False"):
    """A neighbour whose own metadata, and so its wheel's, has a URL with a token."""
    asks = [f"ingit @ git+{host.url('git', secret=True)}/ingit"]
    write_source(project.folder / "../printer", "printer", broken, asks)


def forget(*names):
    """Of the shared cache, only what this test brought into it."""
    run_uv(["cache", "clean", "--quiet", "--force", *names])


PRIVATE = ("incorp", "innamed", "inmachine", "inkeyed", "leaky", "ingit", "printer")


def log(project, planted, name):
    ran = project.train("train.py", name, **planted)
    assert ran.code == 0, ran
    assert not leaks_of(ran)
    assert not leaks_in(project.folder / name)
    return seal_of(project.folder / name)


def test_no_canary_comes_out(  # noqa: PLR0913, PLR0917 - fixtures
    small_project, own_holdfast, doors, planted, small_script, rows, tmp_path, proven
):
    cell = proven("surroundings", "credentials in every place at once")
    holdfast, keeps = own_holdfast, tmp_path / "home-of-logging"
    del holdfast.env["UV_CACHE_DIR"]
    planted |= {"HOLDFAST_HOME": str(keeps)}
    project = small_project()
    project.env |= {name: planted[name] for name in planted if name not in LOUD}
    script = DEBUG + small_script(BODY, SAVE.replace('"{}"', "sys.argv[1]"))
    with hosting(doors, DOORS) as host:
        write_project(project, host, script)
        forget(*PRIVATE)
        project.sync()
        seal = log(project, planted, "good")
        assert seal["grade"] == "locked", seal["reasons"]
        assert {one["name"] for one in seal["wheels"]} == {"ingit", "printer"}
        lose(project, host, planted, tmp_path)
        model = shutil.copytree(project.folder / "good", holdfast.folder / "good")
        restore_refused(holdfast, model, planted)
        holdfast.env |= planted | reachable()
        assert answers(holdfast, model, rows) == ["6", "8"]
        raised = tmp_path / "raises.csv"
        raised.write_text("x\n-1\n")
        said = holdfast("predict", "-v", model, "-i", raised)
        assert "'DEPLOY_TOKEN': '****'" in said.err, said
        receipt = holdfast("verify", "--json", "-v", model)
        assert json.loads(receipt.out)["matches"], receipt
        shown = holdfast("show", "--json", model)
        assert shown.code == 0, shown
        for ran in (said, receipt, shown):
            assert not leaks_of(ran), leaks_of(ran)
    down(holdfast, model)
    for folder in (keeps, holdfast.home, tmp_path / "mlruns"):
        assert not (folder.is_dir() and leaks_in(folder))
    cell["note"] = f"{len(CANARIES)} patterns, {len(DOORS) + len(OTHERS) + 2} places"


def reachable():
    """Credentials for the indexes whose URLs had them in the project: now from variables."""
    return {"UV_INDEX_CORP_USERNAME": "corp-ada", "UV_INDEX_CORP_PASSWORD": DOORS["corp"][1]}


def lose(project, host, planted, tmp_path):
    """Log again when all goes wrong: a build that fails, an index that refuses, git that does."""
    write_printer(project, host, broken="True")
    seal = log(project, planted, "broken-build")
    assert "'DEPLOY_TOKEN': '****'" in " ".join(seal["reasons"]), seal["reasons"]
    write_printer(project, host)
    # Other hosts' passwords: nothing that is fetched now is given out.
    wrong = {"UV_INDEX_NAMED_PASSWORD": "hushed-wrong", "HOLDFAST_HOME": str(tmp_path / "fresh")}
    pyproject = project.folder / "pyproject.toml"
    text = pyproject.read_text()
    pyproject.write_text(text.replace(DOORS["git"][1], "hushed-refused"))
    seal = log(project, planted | wrong, "refused")
    assert "ingit could not be vendored" in " ".join(seal["reasons"]), seal["reasons"]
    pyproject.write_text(text)
    lock = (project.folder / "uv.lock").rename(project.folder / "uv.lock.away")
    forget(*PRIVATE)
    seal = log(project, planted | wrong, "unlocked")
    assert "innamed" in " ".join(seal["reasons"]), seal["reasons"]
    lock.rename(project.folder / "uv.lock")
    assert not leaks_in(tmp_path / "fresh")


def restore_refused(holdfast, model, planted):
    wrong = planted | reachable() | {"UV_INDEX_CORP_PASSWORD": "hushed-wrong"}
    broken = planted | reachable() | {"BREAK_LEAKY": "yes"}
    for env, words in ((wrong, "UV_INDEX_<NAME>_PASSWORD"), (broken, "'DEPLOY_TOKEN': '****'")):
        forget(*PRIVATE)
        ran = holdfast("restore", "-v", model, **env)
        assert ran.code == 3, ran
        assert words in ran.err, ran.err
        assert not leaks_of(ran), leaks_of(ran)


def down(holdfast, model):
    """The host is gone, and with it what was built."""
    forget(*PRIVATE)
    key = json.loads(holdfast("env", "list", "--json").out)[0]["key"]
    assert holdfast("env", "prune", "--key", key).code == 0
    ran = holdfast("restore", "-v", model)
    assert ran.code == 3, ran
    assert not leaks_of(ran), leaks_of(ran)
