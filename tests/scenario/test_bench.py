"""`holdfast bench`: figures of a real project, and the project as it was."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET

import pytest
import tomli_w

from kit import EXCLUDE_NEWER, Holdfast


@pytest.fixture
def project(new_project):
    project = new_project()
    document = {
        "project": {
            "name": "small", "version": "1", "requires-python": ">=3.10",
            "dependencies": ["six", "toml<0.10.2"],
        },
        "tool": {"uv": {"exclude-newer": EXCLUDE_NEWER}},
    }  # fmt: skip
    project.write("pyproject.toml", tomli_w.dumps(document))
    project.uv("lock", "--quiet")
    return project


def test_each_tool_is_measured_and_nothing_is_changed(project, tmp_path):
    before = {path: path.read_bytes() for path in project.folder.rglob("*") if path.is_file()}
    command = Holdfast(tmp_path / "home", tmp_path)
    run = ("bench", project.folder, "--runs", "1", "--json", "--svg", "took.svg")
    ran = command(*run, "--save", "took.json", "--only", "resolve", "--only", "install",
                  "--only", "save", "--only", "image")  # fmt: skip
    assert ran.code == 0, ran
    said = json.loads(ran.out)
    assert said == json.loads((tmp_path / "took.json").read_text())
    took = {(one["operation"], one["tool"]): one for one in said["timed"]}
    for operation, tools in {
        "resolve, cold cache": ("pip", "uv"),
        "resolve, warm cache": ("pip", "uv"),
        "install, cold cache": ("pip", "uv", "uv, bytecode"),
        "install, warm cache": ("pip", "uv", "uv, bytecode"),
    }.items():
        for tool in tools:
            assert len(took[operation, tool]["seconds"]) == 1, took
    # uv against the pip of this very run: no other machine's figures.
    assert took["install, warm cache", "uv"]["times"] > 1
    assert took["install, warm cache", "conda"]["why_not"]
    assert "uv sync" in took["save a model", "MLflow"]["why_not"]
    assert "--model" in took["image of a model", "holdfast image"]["why_not"]
    assert said["packages"] == 2
    after = {path: path.read_bytes() for path in project.folder.rglob("*") if path.is_file()}
    assert after == before
    drawn = "".join(ET.parse(tmp_path / "took.svg").getroot().itertext())  # noqa: S314 - our own
    assert "install, warm cache: uv" in drawn


def test_a_tool_that_fails_is_said_and_the_others_go_on(project, tmp_path):
    lock = project.folder / "uv.lock"
    text = lock.read_text()
    # A release that no index has: neither tool can install it.
    lock.write_text(text.replace("0.10.1", "0.10.999"))
    ran = Holdfast(tmp_path / "home", tmp_path)(
        "bench", project.folder, "--runs", "1", "--json", "--only", "install"
    )
    assert ran.code == 0, ran
    timed = json.loads(ran.out)["timed"]
    assert {one["tool"]: bool(one["seconds"]) for one in timed} == {
        "pip": False, "uv": False, "uv, bytecode": False, "conda": False
    }  # fmt: skip
    assert all(one["why_not"] for one in timed)


def test_without_a_lock_nothing_is_measured(tmp_path):
    ran = Holdfast(tmp_path / "home", tmp_path)("bench", tmp_path)
    assert ran.code == 2
    assert "no project with a uv.lock" in ran.err
