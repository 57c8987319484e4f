"""Every wheel that a lock names is had once, checked, from indexes that may be private or bad."""

from __future__ import annotations

import hashlib
import os
import platform
import shutil
import signal
import ssl
import subprocess
import sys
import tarfile
import time
import zipfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from certificates import Authority
from holdfast.environment.layout import open_layout
from holdfast.environment.plan import choose
from holdfast.environment.prune_wheels import list_wheels, prune_wheels
from holdfast.environment.python import choose_python
from holdfast.errors import LockError, MismatchError, ToolError
from holdfast.lock.target import Target
from holdfast.wheels.fetch import fetch
from hostile_index import answering
from indexes import PASSWORD, USER, make_wheel, serving
from kit import Holdfast, run

PYTHON = platform.python_version()
HEAD = 'lock-version = "1.0"\ncreated-by = "test"\n'


@pytest.fixture(autouse=True)
def surrounded(tmp_path, monkeypatch):
    monkeypatch.setenv("HOLDFAST_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("UV_HTTP_RETRIES", "1")
    monkeypatch.setenv("UV_HTTP_TIMEOUT", "5")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    monkeypatch.setenv("UV_CREDENTIALS_DIR", str(tmp_path / "credentials"))
    for name in ("http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


@pytest.fixture(scope="module")
def target(tmp_path_factory) -> Target:
    return choose_python(PYTHON, remembered=tmp_path_factory.mktemp("pythons")).target()


@pytest.fixture
def get(tmp_path, target):
    """Fetch what a lock names; what was said is in `get.said`."""

    def go(*packages: str, where: Target = target, **options):
        go.said = []
        lock = HEAD + "".join(packages)
        options = {"folder": tmp_path, "indexes": (), "offline": False} | options
        options = {"on_progress": go.said.append} | options
        return fetch(choose(lock, where), target=where, **options)

    return go


def locked(url: str, content: bytes, *, name: str = "mine", kind: str = "wheels") -> str:
    """A package of a lock, from a URL."""
    entry = f'{{ url = "{url}", hashes = {{ sha256 = "{hashlib.sha256(content).hexdigest()}" }} }}'
    entry = f"[{entry}]" if kind == "wheels" else entry
    return f'[[packages]]\nname = "{name}"\nversion = "1.0"\n{kind} = {entry}\n'


@pytest.fixture
def wheel(tmp_path) -> Path:
    return make_wheel(tmp_path / "made", {"mine.py": "answer = 42\n"})


def test_wheels_of_a_private_index_are_had_once(tmp_path, get, monkeypatch):
    names = ["mine", "yours", "theirs"]
    made = [make_wheel(tmp_path / "index", {f"{name}.py": ""}, name=name) for name in names]
    with serving(tmp_path / "index", user=USER, password=PASSWORD) as index:
        base = index.url.replace("/simple/", "/packages/")
        lock = [
            locked(base + path.name, path.read_bytes(), name=name)
            for name, path in zip(names, made, strict=True)
        ]
        options = {"indexes": (("corp", index.url),)}
        with pytest.raises(ToolError, match="401") as refused:
            get(*lock, **options)
        assert "UV_INDEX_<NAME>_USERNAME" in str(refused.value)
        monkeypatch.setenv("UV_INDEX_CORP_USERNAME", USER)
        monkeypatch.setenv("UV_INDEX_CORP_PASSWORD", PASSWORD)
        found = get(*lock, **options)
    assert [path.read_bytes() for path in found.values()] == [
        path.read_bytes() for _, path in sorted(zip(names, made, strict=True))
    ]
    assert list(found) == sorted(names)
    assert get.said[0] == "fetching 3 wheels"
    assert get(*lock, offline=True, **options) == found
    assert get.said == []
    for path in (tmp_path / "home").rglob("*"):
        assert not path.is_file() or PASSWORD.encode() not in path.read_bytes()


def test_offline_says_all_that_is_missing(get, wheel):
    body = wheel.read_bytes()
    lock = [locked(f"https://files.example/{wheel.name}", body)]
    other = wheel.name.replace("mine", "yours")
    lock.append(locked(f"https://files.example/{other}", body + b"x", name="yours"))
    with pytest.raises(ToolError, match="fetches nothing: mine, yours"):
        get(*lock, offline=True)


def test_many_at_once_cost_one_download_and_others_wait(tmp_path, get, wheel):
    waiting = "waiting for another process that fetches mine"
    said: list[str] = []

    def once_others_wait(one):
        until = time.monotonic() + 20
        while waiting not in said and time.monotonic() < until:
            time.sleep(0.05)
        one.send(wheel.read_bytes())

    with answering(once_others_wait) as index:
        lock = locked(index.url(wheel.name), wheel.read_bytes())
        with ThreadPoolExecutor(4) as pool:
            each = pool.map(lambda _: get(lock, on_progress=said.append), range(4))
            found = {str(one) for one in each}
    assert len(found) == len(index.asked) == 1
    assert waiting in said


def test_a_killed_download_goes_on_where_it_was(tmp_path, get, wheel):
    make_wheel(wheel.parent, {"mine.py": "", "big.txt": os.urandom(200_000).hex()})
    body = wheel.read_bytes()
    script = (
        "import sys; from pathlib import Path; from holdfast.environment.plan import choose\n"
        "from holdfast.environment.python import choose_python\n"
        "from holdfast.wheels.fetch import fetch\n"
        f"target = choose_python({PYTHON!r}, remembered=Path(sys.argv[2])).target()\n"
        "fetch(choose(sys.argv[1], target), folder=Path(), indexes=(), target=target)\n"
    )
    with answering(lambda one: one.hang(body, 150_000)) as index:
        lock = locked(index.url(wheel.name), body)
        process = subprocess.Popen([sys.executable, "-c", script, HEAD + lock, str(tmp_path)])
        deadline = time.monotonic() + 30
        while not (left := [*tmp_path.glob("home/store/wheels/*/.partial")]) or (
            left[0].stat().st_size < 150_000
        ):
            assert time.monotonic() < deadline
            assert process.poll() is None
            time.sleep(0.05)
        process.send_signal(signal.SIGKILL)
        process.wait()
        index.answer = lambda one: one.send(body)
        found = get(lock)
    assert index.asked[-1].headers["Range"] == "bytes=150000-"
    assert found["mine"].read_bytes() == body


def test_a_kept_wheel_that_was_changed_is_had_again(get, wheel):
    with answering(lambda one: one.send(wheel.read_bytes())) as index:
        lock = locked(index.url(wheel.name), wheel.read_bytes())
        kept = get(lock)["mine"]
        kept.write_bytes(b"other")
        assert get(lock)["mine"].read_bytes() == wheel.read_bytes()
    assert len(index.asked) == 2


def test_a_store_that_was_copied_is_as_good(tmp_path, get, sdist, monkeypatch):
    make_wheel(tmp_path, {"yours.py": ""}, name="yours")
    with answering(lambda one: one.send((tmp_path / one.path[1:]).read_bytes())) as index:
        name = "yours-1.0-py3-none-any.whl"
        lock = [
            locked(index.url(name), (tmp_path / name).read_bytes(), name="yours"),
            locked(index.url(sdist.name), sdist.read_bytes(), kind="sdist"),
        ]
        found = get(*lock)
    shutil.copytree(tmp_path / "home", tmp_path / "copied", copy_function=shutil.copyfile)
    monkeypatch.setenv("HOLDFAST_HOME", str(tmp_path / "copied"))
    again = get(*lock, offline=True)
    assert [path.name for path in again.values()] == [path.name for path in found.values()]
    assert all("copied" in path.parts for path in again.values())
    for path in again.values():
        path.write_bytes(path.read_bytes() + b"x")
    with pytest.raises(ToolError, match="fetches nothing: mine, yours"):
        get(*lock, offline=True)


def _with(wheel: Path, name: str | zipfile.ZipInfo, content: bytes = b"x") -> bytes:
    with zipfile.ZipFile(wheel, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, content)
    return wheel.read_bytes()


def _link() -> zipfile.ZipInfo:
    link = zipfile.ZipInfo("link.py")
    link.external_attr = 0o120777 << 16
    return link


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ("/etc/cron.d/evil", "no path inside the wheel"),
        ("../../evil.py", "no path inside the wheel"),
        (_link(), "is a link"),
        ("MINE.py", "is there twice"),
        ("mine.py/evil.py", "below a file"),
        ("unsigned.py", "has no digest in RECORD"),
    ],
)
def test_a_wheel_that_was_locked_as_it_is_and_is_bad(tmp_path, get, wheel, entry, message):
    body = _with(wheel, entry)
    with (
        answering(lambda one: one.send(body)) as index,
        pytest.raises(MismatchError, match=message) as refused,
    ):
        get(locked(index.url(wheel.name), body))
    assert "mine-1.0-py3-none-any.whl is refused" in refused.value.message
    assert not [*tmp_path.rglob("home/**/*.whl")]
    assert not [*tmp_path.rglob("evil*")]


def test_every_failure_is_said(get, wheel):
    with answering(lambda one: one.send(b"lies")) as index:
        names = [f"n{number}" for number in range(3)]
        lock = [
            locked(index.url(wheel.name.replace("mine", name)), name.encode(), name=name)
            for name in names
        ]
        with pytest.raises(MismatchError, match=r"n[012]: .* was locked"):
            get(*lock)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"py3-none-any.whl": "py3-none-win_amd64.whl"}, "no wheel of it"),
        ({"mine-1.0-py3-none-any.whl": "yours-1.0-py3-none-any.whl"}, "no wheel of it"),
        ({"https:": "ftp:"}, "no address"),
    ],
)
def test_a_lock_that_names_something_else(tmp_path, get, target, change, message):
    lock = locked("https://files.example/mine-1.0-py3-none-any.whl", b"")
    (package,) = choose(HEAD + lock, target)
    chosen = package.chosen
    for old, new in change.items():
        chosen = replace(
            chosen,
            filename=chosen.filename.replace(old, new),
            location=chosen.location.replace(old, new),
        )
    with pytest.raises(LockError, match=message):
        fetch([replace(package, chosen=chosen)], folder=tmp_path, indexes=(), target=target)


def test_a_digest_that_is_a_path(tmp_path, get):
    lock = locked("https://files.example/mine-1.0-py3-none-any.whl", b"")
    evil = lock.replace(hashlib.sha256(b"").hexdigest(), "../../../evil")
    with pytest.raises(LockError, match="neither a sha256"):
        get(evil)
    assert not [*tmp_path.rglob("evil")]


def test_wheels_beside_the_lock_and_of_a_folder(tmp_path, get, wheel):
    sha256 = hashlib.sha256(wheel.read_bytes()).hexdigest()
    beside = (
        '[[packages]]\nname = "mine"\nversion = "1.0"\n'
        f'wheels = [{{ path = "made/{wheel.name}", hashes = {{ sha256 = "{sha256}" }} }}]\n'
    )
    other = make_wheel(tmp_path / "a folder", {"yours.py": ""}, name="yours")
    found = get(beside, locked(other.as_uri(), other.read_bytes(), name="yours"), offline=True)
    assert found["mine"].read_bytes() == wheel.read_bytes()
    assert found["yours"].read_bytes() == other.read_bytes()
    assert get(beside, offline=True)["mine"] == found["mine"]
    with pytest.raises(MismatchError, match="is not what was locked"):
        get(locked(other.as_uri(), b"other", name="yours"))


def test_an_archive_that_is_a_wheel(get, wheel):
    with answering(lambda one: one.send(wheel.read_bytes())) as index:
        url = index.url(wheel.name.replace("-1.0-", "-1%2E0-")) + "?download=1"
        found = get(locked(url, wheel.read_bytes(), kind="archive"))
    assert found["mine"].name == wheel.name


BACKEND = """
import base64, hashlib, zipfile
def build_wheel(folder, config_settings=None, metadata_directory=None):
    info, rows = "mine-1.0.dist-info", []
    name = "mine-1.0-py3-none-any.whl"
    with zipfile.ZipFile(f"{folder}/{name}", "w") as archive:
        for path, text in (
            ("mine.py", "answer = 42"),
            (f"{info}/METADATA", "Metadata-Version: 2.1\\nName: mine\\nVersion: 1.0\\n"),
            (f"{info}/WHEEL", "Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n"),
        ):
            digest = base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest())
            rows.append(f"{path},sha256={digest.decode().rstrip('=')},{len(text)}")
            archive.writestr(path, text)
        archive.writestr(f"{info}/RECORD", "\\n".join([*rows, f"{info}/RECORD,,", ""]))
    return name
"""
PYPROJECT = """
[build-system]
requires = []
build-backend = "backend"
backend-path = ["."]
[project]
name = "mine"
version = "1.0"
"""


@pytest.fixture
def source(tmp_path) -> Path:
    """A project that needs nothing to be built."""
    folder = tmp_path / "mine-1.0"
    folder.mkdir()
    (folder / "backend.py").write_text(BACKEND)
    (folder / "pyproject.toml").write_text(PYPROJECT)
    (folder / "PKG-INFO").write_text("Metadata-Version: 2.2\nName: mine\nVersion: 1.0\n")
    return folder


@pytest.fixture
def sdist(source) -> Path:
    path = source.with_name("mine-1.0.tar.gz")
    with tarfile.open(path, "w:gz") as archive:
        archive.add(source, source.name)
    return path


@pytest.mark.parametrize("kind", ["sdist", "archive"])
def test_what_has_no_wheel_is_built_once_for_this_machine(get, sdist, kind):
    with answering(lambda one: one.send(sdist.read_bytes())) as index:
        lock = locked(index.url(sdist.name), sdist.read_bytes(), kind=kind)
        found = get(lock)
        assert "building mine from source: it has no wheel" in get.said
        assert zipfile.ZipFile(found["mine"]).read("mine.py") == b"answer = 42"
        assert get(lock, offline=True) == found
        assert get.said == []
    assert len(index.asked) == 1


def test_a_commit_is_built_once(tmp_path, get, source):
    for command in (["init", "-q"], ["add", "."], ["commit", "-q", "-m", "all"]):
        who = ["-c", "user.name=ada", "-c", "user.email=ada@index.example"]
        ran = run(["git", "-C", str(source), *who, *command], cwd=source)
        assert ran.code == 0, ran
    commit = run(["git", "rev-parse", "HEAD"], cwd=source).out.strip()
    lock = (
        '[[packages]]\nname = "mine"\nversion = "1.0"\n'
        f'vcs = {{ type = "git", url = "{source.as_uri()}", commit-id = "{commit}" }}\n'
    )
    with pytest.raises(ToolError, match="fetches nothing: mine"):
        get(lock, offline=True)
    found = get(lock)
    assert zipfile.ZipFile(found["mine"]).read("mine.py") == b"answer = 42"
    assert get(lock, offline=True) == found


@pytest.fixture
def arm(target) -> Target:
    machine = {"platform_machine": "aarch64"}
    facts = {
        "implementation": target.implementation,
        "version": target.version,
        "abi": "cpython-311-aarch64-linux-gnu",
        "libc": "glibc-2.36",
        "markers": {**target.markers, **machine},
    }
    return Target.from_facts(facts, ["manylinux_2_36_aarch64", "manylinux_2_17_aarch64"])


def test_for_another_platform_its_wheels_and_no_builds(get, wheel, sdist, arm):
    body = wheel.read_bytes()
    name = wheel.name.replace("py3-none-any", "py3-none-manylinux_2_17_aarch64")
    with answering(lambda one: one.send(body)) as index:
        lock = locked(index.url(name), body)
        assert get(lock, where=arm)["mine"].name == name
        with pytest.raises(LockError, match="nothing for Python"):
            get(lock)
    built = locked("https://files.example/mine-1.0.tar.gz", sdist.read_bytes(), kind="sdist")
    with pytest.raises(LockError, match=r"no wheel for aarch64 .* built there: mine"):
        get(built, where=arm)


def test_certificates_and_insecure_hosts(tmp_path, get, wheel, monkeypatch):
    authority = Authority(tmp_path)
    certificate, key = authority.sign("index")
    body = wheel.read_bytes()
    with answering(lambda one: one.send(body)) as index:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
        index.server.socket = context.wrap_socket(index.server.socket, server_side=True)
        url = index.url(wheel.name).replace("http:", "https:")
        lock = locked(url, body)
        monkeypatch.setenv("UV_HTTP_RETRIES", "0")
        with pytest.raises(ToolError, match="CERTIFICATE_VERIFY_FAILED"):
            get(lock)
        monkeypatch.setenv("UV_INSECURE_HOST", f"other.example 127.0.0.1:{index.port}")
        trusting = get(lock)["mine"]
        trusting.unlink()
        monkeypatch.delenv("UV_INSECURE_HOST")
        monkeypatch.setenv("SSL_CERT_FILE", str(authority.ca))
        monkeypatch.delenv("SSL_CERT_DIR", raising=False)
        assert get(lock)["mine"].read_bytes() == body


def test_a_proxy(get, wheel, monkeypatch):
    with answering(lambda one: one.send(wheel.read_bytes())) as proxy:
        monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{proxy.port}")
        monkeypatch.setenv("NO_PROXY", "")
        get(locked(f"http://files.example/{wheel.name}", wheel.read_bytes()))
    assert proxy.asked[0].path == f"http://files.example/{wheel.name}"


def test_without_the_extra_it_says_so(get, wheel, monkeypatch):
    for name in ("at_once", "obtain", "download", "network"):
        monkeypatch.delitem(sys.modules, f"holdfast.wheels.{name}", raising=False)
    monkeypatch.setitem(sys.modules, "httpx", None)
    with pytest.raises(ToolError, match="needs a package that is not here: httpx") as refused:
        get(locked(f"https://files.example/{wheel.name}", wheel.read_bytes()))
    assert "holdfast[image]" in (refused.value.hint or "")


def _age(folder: Path, days: float) -> None:
    then = time.time() - days * 86400
    os.utime(folder, (then, then))


def test_kept_wheels_are_pruned_when_room_is_asked_for(tmp_path, get, wheel):
    body = wheel.read_bytes()
    other = make_wheel(tmp_path / "made", {"yours.py": os.urandom(25_000).hex()}, name="yours")
    layout = open_layout(None)
    with answering(lambda one: one.send((tmp_path / f"made{one.path}").read_bytes())) as index:
        lock = [
            locked(index.url(wheel.name), body),
            locked(index.url(other.name), other.read_bytes(), name="yours"),
        ]
        found = get(*lock)
    assert prune_wheels(layout, max_bytes=0) == ()  # just given out
    _age(found["mine"].parent, 10)
    _age(found["yours"].parent, 3)
    old, new = list_wheels(layout)
    assert (old.names, new.names) == ((wheel.name,), (other.name,))
    holdfast = Holdfast(home=tmp_path / "home", folder=tmp_path)
    assert holdfast("env", "prune").code == 0
    assert len(list_wheels(layout)) == 2
    week = timedelta(days=7)
    assert prune_wheels(layout, older_than=week, dry_run=True) == (old,)
    ran = holdfast("env", "prune", "--older-than", "7d")
    assert "removed 1 wheels" in ran.err, ran
    assert list_wheels(layout) == (new,)
    assert holdfast("env", "prune", "--max-size", "100kB").code == 0
    assert list_wheels(layout) == (new,)
    assert holdfast("env", "prune", "--max-size", "1kB").code == 0
    assert list_wheels(layout) == ()


def test_what_a_dead_download_left_goes_after_a_day(tmp_path, get, wheel):
    with (
        answering(lambda one: one.cut(wheel.read_bytes(), 100)) as index,
        pytest.raises(ToolError),
    ):
        get(locked(index.url(wheel.name), wheel.read_bytes()))
    (left,) = tmp_path.glob("home/store/wheels/*/.partial")
    holdfast = Holdfast(home=tmp_path / "home", folder=tmp_path)
    assert holdfast("env", "prune").code == 0
    assert left.exists()
    _age(left.parent, 2)
    assert holdfast("env", "prune").code == 0
    assert not left.parent.exists()
