from __future__ import annotations

import platform
from importlib.metadata import requires

import pytest
from packaging.requirements import Requirement

from holdfast.environment.python import choose_python
from holdfast.errors import LockError, ToolError
from holdfast.image.inside.gateway import gateway_packages, read_pins

LEFT_OUT = {"uv", "mlflow-skinny"}
PYTHONS = ("3.10.13", "3.11.7", "3.12.1", "3.13.0", "3.14.0")


def _markers(version: str) -> dict[str, str]:
    return {"python_full_version": version, "python_version": version.rpartition(".")[0]}


@pytest.mark.parametrize("version", PYTHONS)
def test_the_pins_are_what_holdfast_asks_for(version):
    pins = {
        pin.requirement.name: pin.requirement
        for pin in read_pins()
        if pin.requirement.marker is None or pin.requirement.marker.evaluate(_markers(version))
    }
    for line in requires("holdfast") or ():
        asked = Requirement(line)
        extra = {"extra": "serve", **_markers(version)}
        if asked.name in LEFT_OUT or (asked.marker and not asked.marker.evaluate(extra)):
            continue
        (pinned,) = pins[asked.name].specifier
        assert asked.specifier.contains(pinned.version), asked


def test_every_pin_has_hashes_and_one_version():
    for pin in read_pins():
        assert pin.hashes
        assert [one.operator for one in pin.requirement.specifier] == ["=="]


@pytest.fixture
def target(tmp_path, monkeypatch):
    monkeypatch.setenv("HOLDFAST_HOME", str(tmp_path / "home"))
    return choose_python(platform.python_version(), remembered=tmp_path).target()


def test_they_are_looked_up_once(target, monkeypatch):
    said = []
    first = gateway_packages(target, on_progress=said.append)
    assert {one.chosen.name for one in first} >= {"click", "numpy", "uvicorn", "uvloop"}
    assert not LEFT_OUT & {one.chosen.name for one in first}
    assert all(one.chosen.kind == "wheel" and one.chosen.sha256 for one in first)
    assert gateway_packages(target, offline=True) == first
    assert len(said) == 1


def test_offline_they_cannot_be_looked_up(target):
    with pytest.raises(ToolError, match="never looked up"):
        gateway_packages(target, offline=True)


def test_an_index_with_other_files_is_refused(target, monkeypatch):
    def resolve(requirements, **_):
        file = {"url": "https://index.example/x-1-py3-none-any.whl", "hashes": {"sha256": "0" * 64}}
        lines = (line.split("==") for line in requirements)
        return [{"name": name, "version": version, "wheels": [file]} for name, version in lines]

    monkeypatch.setattr("holdfast.resolve.resolve", resolve)
    with pytest.raises(LockError, match=r"other files than .* uvicorn"):
        gateway_packages(target)
