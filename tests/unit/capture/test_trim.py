"""First-party wheels that do not ask for what a model leaves out."""

from __future__ import annotations

import base64
import csv
import hashlib
import io
import zipfile

from holdfast.capture.trim import trimmed
from holdfast.capture.wheels import describe_wheel
from indexes import make_wheel


def wheel_that_asks(folder, *requirements):
    path = make_wheel(folder, {"mine/__init__.py": "scale = 1\n"})
    with zipfile.ZipFile(path) as archive:
        files = {name: archive.read(name).decode() for name in archive.namelist()}
    asks = "".join(f"Requires-Dist: {line}\n" for line in requirements)
    files["mine-1.0.dist-info/METADATA"] += f"{asks}\nRequires-Dist: holdfast, in prose\n"
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return {"mine": describe_wheel(path)}


def read(wheel, name):
    with zipfile.ZipFile(wheel.path) as archive:
        return archive.read(f"mine-1.0.dist-info/{name}").decode()


def test_what_is_left_out_is_not_asked_for(tmp_path, monkeypatch):
    monkeypatch.setenv("HOLDFAST_HOME", str(tmp_path / "home"))
    wheels = wheel_that_asks(tmp_path, "Hold.Fast>=1 ; extra == 'x'", "holdfast[all]", "pandas")
    wheel = trimmed(wheels, ["holdfast", "hold-fast"])["mine"]
    head, _, prose = read(wheel, "METADATA").partition("\n\n")
    assert [line for line in head.split("\n") if "Requires" in line] == ["Requires-Dist: pandas"]
    assert prose == "Requires-Dist: holdfast, in prose\n"
    assert wheel.path.name == wheels["mine"].path.name
    assert wheel.sha256 == hashlib.sha256(wheel.path.read_bytes()).hexdigest()
    assert trimmed(wheels, ["holdfast", "hold-fast"])["mine"] == wheel


def test_from_where_is_not_asked_either(tmp_path, monkeypatch):
    monkeypatch.setenv("HOLDFAST_HOME", str(tmp_path / "home"))
    url = "lib[x] @ git+https://x.example/lib ; python_version > '3'"
    wheel = trimmed(wheel_that_asks(tmp_path, url), [])["mine"]
    asks = [line for line in read(wheel, "METADATA").split("\n") if "lib" in line]
    # Older `packaging` writes a space before the semicolon.
    assert [line.replace(" ;", ";") for line in asks] == [
        'Requires-Dist: lib[x]; python_version > "3"'
    ]


def test_its_record_is_right_again(tmp_path, monkeypatch):
    monkeypatch.setenv("HOLDFAST_HOME", str(tmp_path / "home"))
    wheel = trimmed(wheel_that_asks(tmp_path, "holdfast"), ["holdfast"])["mine"]
    about = read(wheel, "METADATA").encode()
    digest = base64.urlsafe_b64encode(hashlib.sha256(about).digest()).decode().rstrip("=")
    rows = {row[0]: row[1:] for row in csv.reader(io.StringIO(read(wheel, "RECORD")))}
    assert rows["mine-1.0.dist-info/METADATA"] == [f"sha256={digest}", str(len(about))]
    with zipfile.ZipFile(wheel.path) as archive:
        assert archive.testzip() is None
        assert set(archive.namelist()) == rows.keys()


def test_a_wheel_that_asks_for_none_of_it_is_as_it_was(tmp_path):
    wheels = wheel_that_asks(tmp_path, "pandas", "holdfast-of-another ; extra == 'holdfast'")
    assert trimmed(wheels, ["holdfast"]) == wheels
