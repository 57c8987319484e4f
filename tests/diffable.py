"""Sealed models made by hand, to be compared: real files, real wheels and a real seal of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from holdfast.lock.pylock import dumps
from holdfast.model import Model, open_model
from holdfast.seal.digest import digest_bytes, digest_folder
from holdfast.seal.golden import Golden
from holdfast.seal.seal import SealedDistribution, SealedGolden, SealedWheel
from holdfast.seal.store import to_json, write_seal
from indexes import make_wheel
from pages import SEAL

INDEX = "https://packages.example/simple"


def package(name: str, version: str, *, index: str = INDEX, hashes: str = "a", files: int = 1):
    """A package as a lock has it; `hashes` is a letter that its files' digests are made of."""
    wheels = [
        {
            "url": f"{index}/{name}-{version}-{number}-py3-none-any.whl",
            "hashes": {"sha256": digest_bytes(f"{hashes}{number}".encode())},
        }
        for number in range(files)
    ]
    return {"name": name, "version": version, "index": index, "wheels": wheels}


def make_model(
    folder: Path,
    *,
    packages: tuple[Mapping[str, Any], ...] = (),
    elsewhere: tuple[Mapping[str, Any], ...] = (),
    code: Mapping[str, str] | None = None,
    files: Mapping[str, str | bytes] | None = None,
    golden: Golden | None = None,
    **changes: Any,
) -> Model:
    """A sealed model; `elsewhere` are packages that are locked and were not installed."""
    for path, content in {"MLmodel": "flavors: {}\n", **(files or {})}.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(content.encode() if isinstance(content, str) else content)
    wheels = ()
    if code is not None:
        path = make_wheel(folder / "holdfast" / "wheels", code)
        digest = digest_bytes(path.read_bytes())
        name = f"holdfast/wheels/{path.name}"
        wheels = (SealedWheel(name="mine", version="1.0", path=name, sha256=digest),)
    known = SealedGolden(sha256="", rows=0, repeatable=False, reason="there is no input example")
    if golden is not None:
        data = to_json(golden.to_dict())
        (folder / "holdfast").mkdir(exist_ok=True)
        (folder / "holdfast" / "golden.json").write_bytes(data)
        known = SealedGolden(sha256=digest_bytes(data), rows=2, repeatable=True, reason="")
    lock = dumps(
        {
            "lock-version": "1.0",
            "created-by": "tests",
            "requires-python": ">=3.10",
            "packages": [*packages, *elsewhere],
        }
    )
    (folder / "pylock.toml").write_text(lock)
    seal = replace(
        SEAL,
        reasons=(),
        drift=(),
        indexes=(),
        lock=digest_bytes(lock.encode()),
        wheels=wheels,
        golden=known,
        distributions={
            one["name"]: SealedDistribution(version=one["version"], record="") for one in packages
        },
    )
    seal = replace(seal, **{"files": digest_folder(folder), **changes})
    write_seal(folder, seal)
    return open_model(folder)
