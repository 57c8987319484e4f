"""The packages of a lock, and the bills of materials that are made of them."""

from __future__ import annotations

import hashlib
import shutil
from dataclasses import replace
from datetime import datetime, timezone

import pytest
from cyclonedx.model.component import Component
from packaging.metadata import parse_email

from holdfast.audit.about import licence_of, look
from holdfast.audit.locked import of_graph, of_pylock
from holdfast.audit.subject import read_subject
from holdfast.bom.cyclonedx import cyclonedx
from holdfast.bom.part import File, Part
from holdfast.bom.spdx import spdx
from holdfast.lock.graph import LockGraph
from holdfast.model import open_model
from holdfast.progress import silent
from holdfast.seal.seal import SealedIndex
from kit import REPOSITORY
from small import reseal

PUBLIC, OWN = "https://index.example/simple", "https://ada:secret@own.example/simple"
NOW = datetime(2026, 11, 21, tzinfo=timezone.utc)


def wheel(name, index=PUBLIC):
    url = f"{index.removesuffix('/simple')}/{name}-1.0-py3-none-any.whl"
    return {"url": url, "hashes": {"sha256": "a" * 64}}


PYLOCK = {
    "lock-version": "1.0",
    "packages": [
        {"name": "kelp", "version": "1.0", "index": PUBLIC, "wheels": [wheel("kelp")],
         "dependencies": [{"name": "rock"}, {"name": "sea", "version": "1.0"}]},
        {"name": "rock", "version": "1.0", "index": OWN, "wheels": [wheel("rock", OWN)]},
        {"name": "sea", "version": "1.0", "index": PUBLIC, "wheels": [wheel("sea")]},
        {"name": "sea", "version": "1.0", "index": OWN, "wheels": [wheel("sea", OWN)]},
        {"name": "sea", "version": "2.0", "index": PUBLIC, "wheels": [wheel("sea")]},
        {"name": "ours", "version": "1.0",
         "wheels": [{"path": "holdfast/wheels/ours-1.0-py3-none-any.whl",
                     "hashes": {"sha256": "b" * 64}}]},
        {"name": "tarred", "version": "1.0",
         "archive": {"url": "https://x.example/tarred.tar.gz", "hashes": {"sha256": "c" * 64}}},
        {"name": "from-git", "vcs": {"type": "git", "url": "https://ada:secret@git.example/k",
                                     "commit-id": "d" * 40}},
    ],
}  # fmt: skip
INDEXES = (SealedIndex(name="own", url="https://own.example/simple", packages=("rock",)),)
UV_LOCK = {
    "version": 1,
    "requires-python": ">=3.10",
    "package": [
        {"name": "kelp", "version": "1.0", "source": {"virtual": "."},
         "dependencies": [{"name": "sea", "version": "1.0", "source": {"registry": PUBLIC}}],
         "dev-dependencies": {"dev": [{"name": "rock"}]}},
        {"name": "rock", "version": "1.0", "source": {"registry": PUBLIC}},
        {"name": "sea", "version": "1.0", "source": {"registry": PUBLIC},
         "wheels": [{"url": "https://index.example/sea-1.0-py3-none-any.whl",
                     "hash": "sha256:" + "a" * 64}]},
        {"name": "sea", "version": "1.0", "source": {"registry": "https://own.example/simple"}},
    ],
}  # fmt: skip


def test_what_kind_a_package_of_a_pylock_is():
    found = {one.part.ref: one for one in of_pylock(PYLOCK, INDEXES)}
    kinds = {ref: one.part.kind for ref, one in found.items()}
    assert kinds == {
        "kelp@1.0": "index", "rock@1.0": "index", "sea@1.0": "index", "sea@1.0#2": "index",
        "sea@2.0": "index", "ours@1.0": "own", "tarred@1.0": "url", "from-git": "vcs",
    }  # fmt: skip
    assert found["kelp@1.0"].needs == ("rock@1.0", "sea@1.0", "sea@1.0#2")


def test_what_others_know_a_package_as():
    purls = {one.part.ref: one.part.purl.to_string() for one in of_pylock(PYLOCK, INDEXES)}
    assert purls["kelp@1.0"] == "pkg:pypi/kelp@1.0"
    assert purls["rock@1.0"] == "pkg:pypi/rock@1.0?repository_url=https://own.example/simple"
    assert purls["ours@1.0"] == f"pkg:generic/ours@1.0?checksum=sha256:{'b' * 64}"
    assert purls["tarred@1.0"].startswith("pkg:pypi/tarred@1.0?download_url=")
    assert purls["from-git"].startswith("pkg:pypi/from-git?vcs_url=git")


def test_a_projects_lock_is_read_the_same():
    graph = LockGraph.from_dict(UV_LOCK)
    found = {one.part.ref: one for one in of_graph(graph, {0, 2}, INDEXES)}
    assert {ref for ref, one in found.items() if one.production} == {"kelp@1.0", "sea@1.0"}
    assert found["kelp@1.0"].part.kind == "own"
    assert found["kelp@1.0"].needs == ("rock@1.0", "sea@1.0")
    assert found["sea@1.0#2"].part.repository == "https://own.example/simple"


def test_both_kinds_of_bill_hold_all_of_it_and_no_secret():
    locked = of_pylock(PYLOCK, INDEXES)
    parts, needs = [one.part for one in locked], {one.part.ref: one.needs for one in locked}
    bill = cyclonedx(Component(name="whole", bom_ref="whole"), parts, needs, pins="x")
    assert {one["bom-ref"] for one in bill["components"]} == set(needs)
    document = spdx("whole", parts, needs, pins="x", created=NOW)
    assert len(document["packages"]) == len(parts) + 1
    assert len({one["SPDXID"] for one in document["packages"]}) == len(parts) + 1
    assert "secret" not in f"{bill}{document}"
    assert cyclonedx(Component(name="whole", bom_ref="whole"), parts, needs, pins="x") == bill


@pytest.mark.parametrize(
    ("licence", "declared", "comment"),
    [
        ("MIT", "MIT", None),
        ("Apache-2.0 OR MIT", "Apache-2.0 OR MIT", None),
        ("Our own, ask us", "NOASSERTION", "Our own, ask us"),
        ("", "NOASSERTION", None),
    ],
)
def test_a_licence_is_declared_where_spdx_knows_it(licence, declared, comment):
    file = File(name="kelp-1.0.whl", url="https://index.example/kelp-1.0.whl", sha256="a" * 64)
    part = Part(
        ref="kelp@1.0", name="kelp", version="1.0", kind="index", files=(file,), licence=licence
    )
    document = spdx("whole", [part], {}, pins="x", created=NOW)
    (package,) = (one for one in document["packages"] if one["name"] == "kelp")
    assert package.get("licenseDeclared", "NOASSERTION") == declared
    assert package.get("licenseComments") == comment
    bill = cyclonedx(Component(name="whole", bom_ref="whole"), [part], {}, pins="x")
    assert ("licenses" in bill["components"][0]) is bool(licence)


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        (["License-Expression: MIT", "License: whatever"], "MIT"),
        (["License: Apache 2.0", "Classifier: License :: OSI Approved :: MIT License"],
         "Apache 2.0"),
        (["License: " + "long " * 30, "Classifier: License :: OSI Approved :: MIT License"],
         "MIT License"),
        (["License: UNKNOWN", "Classifier: License :: OSI Approved",
          "Classifier: License :: OSI Approved :: MIT License",
          "Classifier: License :: OSI Approved :: BSD License"], "MIT License, BSD License"),
        ([], ""),
    ],
)  # fmt: skip
def test_a_licence_in_a_packages_metadata(lines, expected):
    text = "\n".join(["Metadata-Version: 2.4", "Name: kelp", "Version: 1.0", *lines, "", "x"])
    assert licence_of(parse_email(text)[0]) == expected


def test_a_sealed_wheel_that_is_none_says_nothing_of_itself(tmp_path, monkeypatch):
    monkeypatch.setenv("HOLDFAST_HOME", str(tmp_path / "home"))
    model = shutil.copytree(REPOSITORY / "tests" / "compat" / "0.1.0", tmp_path / "model")
    before = look(read_subject(str(model), offline=True, on_progress=silent))
    (wheel,) = (model / "holdfast" / "wheels").glob("*.whl")
    bad = wheel.read_bytes()[:200]
    wheel.write_bytes(bad)
    sha256 = hashlib.sha256(bad).hexdigest()
    lock = model / "pylock.toml"
    seal = open_model(model).seal
    lock.write_text(lock.read_text().replace(seal.wheels[0].sha256, sha256))
    reseal(model, wheels=tuple(replace(one, sha256=sha256) for one in seal.wheels))
    after = look(read_subject(str(model), offline=True, on_progress=silent))
    assert before.keys() == after.keys()
    key = (seal.wheels[0].name, seal.wheels[0].version)
    assert (after[key].licence, after[key].size) == ("", before[key].size)
