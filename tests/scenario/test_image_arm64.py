"""An image for arm64, made on x86-64: every file of it is for arm64, and it runs under qemu."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from bases import needs_mmdebstrap
from bundles import unpack
from containers import needs_programs
from foreign import needs_qemu, run_foreign
from images import Made
from kit import made_once

pytestmark = [pytest.mark.slow, needs_mmdebstrap, needs_programs, pytest.mark.timeout(1800)]

_AARCH64 = 183  # e_machine of the ELF header, "EM_AARCH64"


@pytest.fixture(scope="module")
def arm64(small, workshop, arm64_base) -> Made:
    """The small model's image for arm64, on Debian's Python."""

    def make(folder: Path) -> None:
        chosen = ("--platform", "linux/arm64", "-o", folder / "layout")
        said = replace(workshop, base=arm64_base).make(small.model, *chosen)
        (folder / "said.json").write_text(json.dumps(said))
        unpack(folder / "layout", folder / "bundle", architecture="arm64")

    folder = made_once(workshop.root, "image-arm64", make)
    return Made(small.model, folder / "layout", json.loads((folder / "said.json").read_text()))


def _programs(root: Path) -> Iterator[tuple[Path, int]]:
    """Every ELF file below a folder, and the machine that it is for."""
    for path in root.rglob("*"):
        if path.is_file() and not path.is_symlink():
            with path.open("rb") as file:
                head = file.read(20)
            if head[:4] == b"\x7fELF":
                yield path, int.from_bytes(head[18:20], "little")


def test_every_program_and_library_is_for_arm64(arm64):
    programs = dict(_programs(arm64.files.files))
    ours = [path for path in programs if "holdfast" in path.relative_to(arm64.files.files).parts]
    assert len(ours) > 50
    assert {str(path) for path, machine in programs.items() if machine != _AARCH64} == set()


def test_every_wheel_is_for_arm64_or_for_all(arm64):
    tags = {
        line.split(": ")[1]
        for wheel in arm64.files.files.glob("holdfast/*/lib/*/site-packages/*.dist-info/WHEEL")
        for line in wheel.read_text().splitlines()
        if line.startswith("Tag: ")
    }
    platforms = {tag.split("-")[2] for tag in tags}
    assert any("aarch64" in one for one in platforms)
    assert all(one == "any" or "aarch64" in one for one in platforms), platforms


@needs_qemu
def test_it_verifies_under_qemu(arm64):
    """Its predictions among the rest: they are those of x86-64."""
    ran = run_foreign(arm64.files, "verify", "--json")
    receipt = json.loads(ran.out)
    statuses = {one["name"]: one["status"] for one in receipt["checks"]}
    # Debian's Python is another patch release than the sealed one.
    assert statuses.pop("python") in {"match", "substitute"}, ran
    assert set(statuses.values()) == {"match"}, ran
    assert receipt["machine"]["platform"].count("aarch64") == 1
