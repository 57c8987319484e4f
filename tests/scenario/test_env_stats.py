"""`holdfast env stats`: what is kept, what sharing saves, how often nothing was built."""

from __future__ import annotations

import json
import shutil
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from kit import Holdfast


@pytest.fixture
def command(small, tmp_path):
    """A home of its own; uv's cache is the small model's, on the same disk."""
    return Holdfast(tmp_path / "home", tmp_path, env={"UV_CACHE_DIR": str(small.cache)})


def stats(command):
    ran = command("env", "stats", "--json")
    assert ran.code == 0, ran
    return json.loads(ran.out)


def room(said, name):
    return next(one for one in said["rooms"] if one["name"] == name)


def test_nothing_is_kept_at_first(command):
    said = stats(command)
    assert said["bytes"] == 0
    assert said["restores"] == {"found": 0, "shared": 0, "built": 0, "hit_rate": None}
    assert "nothing has been restored yet" in command("env", "stats").out


def test_what_is_restored_is_counted_and_weighed(command, small, tmp_path):
    for _ in range(3):
        assert command("restore", small.model, "--offline").code == 0
    # Another copy of the model has the same lock, and so the same environment.
    copy = shutil.copytree(small.model, tmp_path / "copy")
    assert command("restore", copy, "--offline").code == 0
    said = stats(command)
    assert said["restores"] == {"found": 3, "shared": 0, "built": 1, "hit_rate": 0.75}
    kept = room(said, "environments")
    assert kept["items"] == 1
    files = (tmp_path / "home" / "store" / "environments").rglob("*")
    real = {(f.stat().st_dev, f.stat().st_ino): f.stat().st_blocks * 512
            for f in files if f.is_file() and not f.is_symlink()}  # fmt: skip
    inventories = sum(
        path.stat().st_blocks * 512
        for path in (tmp_path / "home" / "store" / "inventories").iterdir()
    )
    assert kept["bytes"] == sum(real.values()) + inventories
    # uv links what it can from its cache.
    assert 0 < kept["linked_bytes"] <= kept["bytes"]
    assert said["apparent_bytes"] >= said["bytes"] >= said["linked_bytes"]


def test_a_file_of_two_environments_is_weighed_once(command, small, tmp_path):
    assert command("restore", small.model, "--offline").code == 0
    first = room(stats(command), "environments")
    folder = next((tmp_path / "home" / "store" / "environments").iterdir())
    shutil.copytree(folder, folder.with_name("twin"), copy_function=_link)
    both = room(stats(command), "environments")
    assert both["items"] == 2
    assert both["apparent_bytes"] > 1.8 * first["apparent_bytes"]
    assert both["bytes"] == first["bytes"]


def _link(source, target):
    Path(target).hardlink_to(source)


def test_it_is_drawn(command, small, tmp_path):
    assert command("restore", small.model, "--offline").code == 0
    ran = command("env", "stats", "--svg", "kept.svg")
    assert ran.code == 0, ran
    assert "█" in ran.out
    drawn = ET.parse(tmp_path / "kept.svg").getroot()  # noqa: S314 - our own
    text = "".join(drawn.itertext())
    assert "environments (1)" in text
    assert "1 built it" in text
    assert not [one for one in drawn.iter() if "href" in one.attrib]
