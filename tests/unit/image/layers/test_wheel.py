from __future__ import annotations

import base64
import hashlib
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from holdfast.errors import MismatchError
from holdfast.image.layers.contents import read_stored
from holdfast.image.layers.place import Place
from holdfast.image.layers.wheel import wheel_entries
from holdfast.project.installed import record_digest
from holdfast.uv import uv_program
from kit import surroundings
from layer_wheels import DATA, INFO, build_wheel, row

_PLACE = Place(root="/holdfast/environment", python_version="3.11")
_LIB = "holdfast/environment/lib/python3.11/site-packages"
_BINARY = b"\x7fELF" + bytes(range(256)) * 20_000
_EVERYTHING = {
    "mine/__init__.py": b"x = 1\n",
    "mine/a, b.txt": b"a comma in its name",
    "mine/é.txt": "é".encode(),
    "mine/big.so": _BINARY,
    "mine/run": b"#!/bin/sh\n",
    "mine/__pycache__/x.cpython-311.pyc": b"not to be installed",
    f"{DATA}/purelib/mine/pure.py": b"pure = 1\n",
    f"{DATA}/platlib/mine/plat.py": b"plat = 1\n",
    f"{DATA}/scripts/named": b"#!python\nprint('mine')\n",
    f"{DATA}/scripts/windowed": b"#!pythonw -E\r\nprint('mine')\n",
    f"{DATA}/scripts/binary": _BINARY,
    f"{DATA}/data/share/mine/data.txt": b"data",
    f"{DATA}/headers/mine.h": b"int mine;\n",
    f"{INFO}/entry_points.txt": b"[console_scripts]\nmine = mine:x.y [extra]\n"
    b"[gui_scripts]\nmine-gui = mine.gui:main\n[else]\nwhat = ever\n",
    f"{INFO}/RECORD.jws": b"{}",
    f"{INFO}/INSTALLER": b"somebody",
    f"{INFO}/direct_url.json": b"{}",
    f"{INFO}/REQUESTED": b"",
}
_PROGRAMS = frozenset({"mine/run"})


def _bytes(entry) -> bytes:
    content = entry.content
    return content if isinstance(content, bytes) else read_stored(content)


def _installed(wheel: Path, place: Place = _PLACE) -> dict[str, tuple[bytes, bool]]:
    entries, _ = wheel_entries(wheel, place)
    return {entry.path: (_bytes(entry), entry.executable) for entry in entries}


@pytest.fixture(scope="module")
def everything(tmp_path_factory) -> Path:
    return build_wheel(tmp_path_factory.mktemp("wheel"), _EVERYTHING, executable=_PROGRAMS)


def test_every_scheme_goes_to_its_place(everything):
    found = _installed(everything)
    root = "holdfast/environment"
    assert found[f"{_LIB}/mine/__init__.py"] == (b"x = 1\n", False)
    assert found[f"{_LIB}/mine/run"] == (b"#!/bin/sh\n", True)
    assert found[f"{_LIB}/mine/pure.py"] == (b"pure = 1\n", False)
    assert found[f"{_LIB}/mine/plat.py"] == (b"plat = 1\n", False)
    assert found[f"{root}/share/mine/data.txt"] == (b"data", False)
    assert found[f"{root}/include/site/python3.11/mine/mine.h"] == (b"int mine;\n", False)
    assert found[f"{root}/bin/binary"] == (_BINARY, True)


def test_scripts_are_run_with_the_images_python(everything):
    found = _installed(everything)
    for name in ("mine", "mine-gui", "named", "windowed"):
        content, executable = found[f"holdfast/environment/bin/{name}"]
        assert content.startswith(b"#!/holdfast/environment/bin/python\n")
        assert executable
    assert b"sys.exit(x.y())" in found["holdfast/environment/bin/mine"][0]


def test_what_an_installation_notes_is_left_out(everything):
    names = {path.rpartition("/")[2] for path in _installed(everything)}
    assert not names & {"INSTALLER", "REQUESTED", "direct_url.json", "x.cpython-311.pyc"}
    assert "RECORD.jws" in names


def test_rows_say_what_is_there(everything):
    entries, rows = wheel_entries(everything, _PLACE)
    said = [
        (
            entry.path,
            len(_bytes(entry)),
            base64.urlsafe_b64encode(hashlib.sha256(_bytes(entry)).digest()).decode().rstrip("="),
        )
        for entry in entries
    ]
    assert list(rows) == said == sorted(said)


@pytest.mark.parametrize("stored", [False, True])
def test_it_is_what_uv_installs(tmp_path, stored):
    wheel = build_wheel(tmp_path, _EVERYTHING, executable=_PROGRAMS, stored=stored)
    venv = tmp_path / "venv"
    env = {**surroundings(), "UV_CACHE_DIR": str(tmp_path / "cache")}
    uv = str(uv_program())
    for arguments in (
        ["venv", "-q", "--python", sys.executable, str(venv)],
        ["pip", "install", "-q", "--offline", "--no-deps", "--python", str(venv), str(wheel)],
    ):
        subprocess.run([uv, *arguments], env=env, check=True)
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    place = Place(root=str(venv.resolve()), python_version=version)
    entries, _ = wheel_entries(wheel, place)
    for entry in entries:
        installed = Path("/", entry.path)
        assert entry.executable == os.access(installed, os.X_OK), entry.path
        if not entry.path.endswith(("/RECORD", "/bin/mine", "/bin/mine-gui")):
            assert installed.read_bytes().splitlines()[1:] == _bytes(entry).splitlines()[1:]
    (record,) = (one for one in entries if one.path.endswith("/RECORD"))
    theirs = Path("/", record.path).read_text(encoding="utf-8")
    assert record_digest(_bytes(record).decode()) == record_digest(theirs)


def test_the_digest_of_another_algorithm_stays_and_is_checked(tmp_path):
    files = {"mine.py": b"x = 1\n"}
    rows = [row("mine.py", files["mine.py"], "sha512"), *_honest_rows(tmp_path)]
    wheel = build_wheel(tmp_path, files, record=rows)
    found = _installed(wheel)
    assert "mine.py,sha512=" in found[f"{_LIB}/{INFO}/RECORD"][0].decode()
    rows[0] = row("mine.py", b"x = 2\n", "sha512")
    with pytest.raises(MismatchError, match="not what RECORD says"):
        wheel_entries(build_wheel(tmp_path, files, record=rows), _PLACE)
    rows[0] = row("mine.py", b"x = 1\n", "md5")
    with pytest.raises(MismatchError, match="not what RECORD says"):
        wheel_entries(build_wheel(tmp_path, files, record=rows), _PLACE)


def _honest_rows(folder: Path) -> list[str]:
    """Of the metadata that every wheel of `build_wheel` has."""
    with zipfile.ZipFile(build_wheel(folder, {})) as archive:
        return [row(name, archive.read(name)) for name in archive.namelist()[:2]]


def test_a_file_that_record_does_not_know(tmp_path):
    wheel = build_wheel(tmp_path, {"mine.py": b"x"}, record=_honest_rows(tmp_path))
    with pytest.raises(MismatchError, match=r"no digest of 'mine\.py'"):
        wheel_entries(wheel, _PLACE)


def test_a_file_that_is_not_what_record_says(tmp_path):
    rows = [row("mine.py", b"y"), *_honest_rows(tmp_path)]
    entries, _ = wheel_entries(build_wheel(tmp_path, {"mine.py": b"x"}, record=rows), _PLACE)
    (mine,) = (one for one in entries if one.path.endswith("mine.py"))
    with pytest.raises(MismatchError, match="sha256"):
        _bytes(mine)


@pytest.mark.parametrize(
    "name",
    [
        "../mine.py",
        "/mine.py",
        "mine/../../x",
        "mine//x",
        "./mine.py",
        "mine\\x",
        f"{DATA}/scripts/../../x",
        f"{DATA}/nowhere/x",
        f"{DATA}/x",
        f"{DATA}/scripts",
        DATA,
    ],
)
def test_names_that_lead_elsewhere(tmp_path, name):
    with pytest.raises(MismatchError, match=r"mine-1\.0-py3-none-any\.whl cannot be read"):
        wheel_entries(build_wheel(tmp_path, {name: b"x"}), _PLACE)


@pytest.mark.parametrize(
    "line",
    [
        "../../../x = mine:main",
        "a/b = mine:main",
        ".. = mine:main",
        "x = mine",
        "x = mine;import os:main",
        "x = mine:%(nothing)s",
        "x",
    ],
)
def test_entry_points_that_are_none(tmp_path, line):
    files = {f"{INFO}/entry_points.txt": f"[console_scripts]\n{line}\n".encode()}
    with pytest.raises(MismatchError, match="cannot be read"):
        wheel_entries(build_wheel(tmp_path, files), _PLACE)


@pytest.mark.parametrize("kind", [0o120000, 0o010000, 0o060000], ids=["link", "pipe", "device"])
def test_links_and_devices(tmp_path, kind):
    with pytest.raises(MismatchError, match="link or a device"):
        wheel_entries(build_wheel(tmp_path, {"mine.py": b"/etc/passwd"}, kind=kind), _PLACE)


@pytest.mark.parametrize("other", ["mine.py", "MINE.py"])
def test_a_name_that_is_there_twice(tmp_path, other):
    wheel = build_wheel(tmp_path, {"mine.py": b"x"})
    with zipfile.ZipFile(wheel, "a") as archive:
        if other == "mine.py":
            with pytest.warns(UserWarning, match="Duplicate"):
                archive.writestr(other, b"y")
        else:
            archive.writestr(other, b"y")
    with pytest.raises(MismatchError, match="there twice"):
        wheel_entries(wheel, _PLACE)


def test_two_ways_to_one_file(tmp_path):
    files = {"mine.py": b"x", f"{DATA}/purelib/mine.py": b"y"}
    with pytest.raises(MismatchError, match="there twice"):
        wheel_entries(build_wheel(tmp_path, files), _PLACE)


@pytest.mark.parametrize("content", [b"", b"PK\5\6" + bytes(18), b"no zip"])
def test_no_wheel_at_all(tmp_path, content):
    path = tmp_path / "mine-1.0-py3-none-any.whl"
    path.write_bytes(content)
    with pytest.raises(MismatchError, match="cannot be read"):
        wheel_entries(path, _PLACE)


def test_a_wheel_of_another_name(tmp_path):
    wheel = build_wheel(tmp_path, {})
    other = wheel.rename(tmp_path / "yours-1.0-py3-none-any.whl")
    with pytest.raises(MismatchError, match="cannot be read"):
        wheel_entries(other, _PLACE)
