from __future__ import annotations

import os
import shutil
import site
import zipfile
from pathlib import Path

import pytest

import holdfast
from holdfast.image.inside.own import gateway_own_entries
from holdfast.image.inside.places import GATEWAY, place_of
from holdfast.uv import run_uv
from kit import REPOSITORY, run, surroundings

SAY = """
import hashlib
from holdfast.environment.tree import digest_bytes
from holdfast.image.inside.own import gateway_own_entries
from holdfast.image.inside.places import GATEWAY, place_of
for entry in gateway_own_entries(place_of(GATEWAY, "3.11.7")):
    path = entry.path.partition("site-packages/")[2] or entry.path
    print(f"{path},sha256={digest_bytes(entry.content)},{len(entry.content)}")
"""


@pytest.fixture(scope="module")
def entries():
    return {entry.path: entry for entry in gateway_own_entries(place_of(GATEWAY, "3.12.1"))}


@pytest.fixture(scope="module")
def source(tmp_path_factory) -> Path:
    """A copy of this checkout, which nobody edits meanwhile."""
    folder = tmp_path_factory.mktemp("checkout")
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy2(REPOSITORY / name, folder)
    shutil.copytree(REPOSITORY / "src", folder / "src")
    return folder


def _said_by(folder: Path, what: Path) -> set[str]:
    """What an installation says of itself, with the packages that tests have beside it."""
    run_uv(["venv", "--quiet", "--no-project", str(folder)])
    python = str(folder / "bin" / "python")
    editable = ["--editable"] if what.is_dir() else []
    install = ["pip", "install", "--quiet", "--no-deps", "--python", python]
    run_uv([*install, *editable, str(what)])
    (packages,) = folder.glob("lib/*/site-packages")
    beside = [path for path in site.getsitepackages() if Path(path).is_dir()]
    (packages / "zz-beside.pth").write_text("".join(f"{path}\n" for path in beside))
    ran = run([python, "-c", SAY], cwd=folder, env=surroundings())
    assert ran.code == 0, ran
    return set(ran.out.splitlines())


def test_it_is_the_same_however_it_is_installed(source, tmp_path):
    run_uv(["build", "--wheel", "--quiet", "--out-dir", str(tmp_path), str(source)])
    (wheel,) = tmp_path.glob("*.whl")
    from_wheel = _said_by(tmp_path / "wheel", wheel)
    assert from_wheel == _said_by(tmp_path / "editable", source)
    with zipfile.ZipFile(wheel) as archive:
        (name,) = (one for one in archive.namelist() if one.endswith(".dist-info/RECORD"))
        rows = set(archive.read(name).decode().splitlines())
    # RECORD has itself and the program in the image, which has no use for WHEEL and the README.
    names = [
        {row.partition(",")[0].rpartition("/")[2] for row in one}
        for one in (rows - from_wheel, from_wheel - rows)
    ]
    assert names == [{"METADATA", "RECORD", "WHEEL"}, {"METADATA", "RECORD", "holdfast"}]


def test_the_readme_stays_behind(entries):
    (metadata,) = (one for path, one in entries.items() if path.endswith("/METADATA"))
    assert b"\nName: holdfast\n" in metadata.content
    assert b"\n\n" not in metadata.content


def test_every_file_of_the_package_is_there_and_nothing_else(entries):
    folder = Path(holdfast.__file__).parent
    site_packages = "holdfast/gateway/lib/python3.12/site-packages/"
    there = {path.removeprefix(site_packages) for path in entries}
    assert {f"holdfast/{path.relative_to(folder)}" for path in folder.rglob("*.py")} <= there
    assert "holdfast/image/inside/gateway.txt" in there
    assert "holdfast/start/demo_project/pyproject.toml" in there
    assert not any("__pycache__" in path or path.endswith(".pyc") for path in there)


def test_the_program_is_run_with_the_gateways_python(entries):
    program = entries["holdfast/gateway/bin/holdfast"]
    assert program.executable
    assert program.content.startswith(b"#!/holdfast/gateway/bin/python\n")


def test_nothing_of_this_machine_is_in_it(entries):
    here = os.fsencode(REPOSITORY)
    assert not [path for path, entry in entries.items() if here in entry.content]
