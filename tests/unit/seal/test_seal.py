from __future__ import annotations

import json
from dataclasses import fields, replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from holdfast.errors import SealError
from holdfast.seal.digest import FileDigest, digest_bytes
from holdfast.seal.grade import Grade
from holdfast.seal.seal import (
    Difference,
    Seal,
    SealedDistribution,
    SealedGolden,
    SealedIndex,
    SealedProject,
    SealedPython,
    SealedWheel,
)
from holdfast.seal.store import read_seal, to_json, write_seal

TEXT = st.text(max_size=8)
TEXTS = st.lists(TEXT, max_size=3).map(tuple)
MAYBE = st.none() | TEXT
SIZE = st.integers(0, 1 << 50)
KINDS = {str: TEXT, int: SIZE, bool: st.booleans(), str | None: MAYBE, tuple[str, ...]: TEXTS}


def of(kind):
    """Any value of a record."""
    from typing import get_type_hints

    hints = get_type_hints(kind)
    return st.builds(kind, **{one.name: KINDS[hints[one.name]] for one in fields(kind)})


def by_name(kind):
    return st.dictionaries(TEXT, of(kind), max_size=3)


def several(kind):
    return st.lists(of(kind), max_size=3).map(tuple)


SEALS = st.builds(
    Seal,
    created=TEXT,
    grade=st.sampled_from(Grade),
    reasons=TEXTS,
    python=of(SealedPython),
    lock=TEXT,
    project=of(SealedProject),
    golden=of(SealedGolden),
    distributions=by_name(SealedDistribution),
    wheels=several(SealedWheel),
    drift=several(Difference),
    indexes=several(SealedIndex),
    files=by_name(FileDigest),
    tools=st.dictionaries(TEXT, TEXT, max_size=3),
    format=st.just(1),
)


@settings(deadline=None)
@given(SEALS)
def test_round_trip(seal):
    text = to_json(seal.to_dict())
    read = Seal.from_dict(json.loads(text))
    assert read == seal
    assert to_json(read.to_dict()) == text


@settings(deadline=None)
@given(SEALS, st.data())
def test_whatever_is_missing_or_wrong_is_said_with_its_place(seal, data):
    content = json.loads(to_json(seal.to_dict()))
    key = data.draw(st.sampled_from(sorted(content)))
    if data.draw(st.booleans()):
        del content[key]
    else:
        content[key] = data.draw(st.sampled_from([[3], {"x": 3}, -1, 2.5, True]))
    with pytest.raises(SealError, match=f"'{key}|{key}'|means nothing"):
        Seal.from_dict(content)


def test_what_an_older_seal_does_not_have_has_its_default(sealed):
    _, seal, _ = sealed
    package = SealedDistribution(version="1", record="abc", size=7)
    content = json.loads(to_json(replace(seal, distributions={"six": package}).to_dict()))
    del content["distributions"]["six"]["size"]
    assert Seal.from_dict(content).distributions["six"] == replace(package, size=0)


@pytest.fixture
def sealed(tmp_path):
    (tmp_path / "MLmodel").write_text("")
    seal = Seal(
        created="2026-11-20T12:00:00+00:00",
        grade=Grade.LOCKED,
        reasons=(),
        python=SealedPython(
            implementation="cpython",
            version="3.11.7",
            abi="cpython-311",
            libc="glibc-2.36",
            platform="linux-x86_64",
            build="3.11.7",
        ),
        lock="",
        project=SealedProject(name="p", version="1", commit="", dirty=False),
        golden=SealedGolden(sha256="", rows=0, repeatable=False, reason="none"),
        files={"model.pkl": FileDigest(size=3, sha256=digest_bytes(b"abc"))},
    )
    digest = write_seal(tmp_path, seal)
    return tmp_path, seal, digest


def test_written_and_read(sealed):
    folder, seal, digest = sealed
    assert read_seal(folder) == (seal, digest)
    assert digest == digest_bytes((folder / "holdfast" / "seal.json").read_bytes())


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda seal: seal.update(format=2), "has format 2; Holdfast here reads up to 1"),
        (lambda seal: seal.update(format="1"), "expected a whole number in 'format', found text"),
        (lambda seal: seal.update(grade="best"), "'best' means nothing in 'grade'"),
        (lambda seal: seal["python"].pop("abi"), "'abi' is missing in 'python'"),
        (lambda seal: seal["project"].update(dirty="no"), "true or false in 'project.dirty'"),
        (lambda seal: seal.update(reasons="x"), "expected a list of texts in 'reasons'"),
        (
            lambda seal: seal["files"]["model.pkl"].update(size=-1),
            "expected a whole number in 'files['model.pkl'].size', found -1",
        ),
        (lambda seal: seal.update(wheels=[3]), "expected an object in 'wheels[0]', found 3"),
        (lambda seal: seal.update(drift={}), "expected a list in 'drift', found an object"),
        (
            lambda seal: seal.update(drift=[{"name": "x", "locked": 3, "installed": None}]),
            "expected text or null in 'drift[0].locked', found 3",
        ),
    ],
)
def test_what_is_wrong_is_said_with_its_place(sealed, change, said):
    folder, _, _ = sealed
    path = folder / "holdfast" / "seal.json"
    content = json.loads(path.read_text())
    change(content)
    path.write_text(json.dumps(content))
    with pytest.raises(SealError) as caught:
        read_seal(folder)
    assert said in caught.value.message
    assert str(path) in caught.value.message


def test_a_newer_format_says_what_to_do(sealed):
    folder, seal, _ = sealed
    content = {**seal.to_dict(), "format": 7}
    (folder / "holdfast" / "seal.json").write_bytes(to_json(content))
    with pytest.raises(SealError) as caught:
        read_seal(folder)
    assert "--upgrade holdfast" in caught.value.hint


def test_keys_of_a_later_version_are_left_alone(sealed):
    _, seal, _ = sealed
    content = {**seal.to_dict(), "signature": "of a later version"}
    content["python"]["gil"] = True
    assert Seal.from_dict(json.loads(to_json(content))) == seal


@pytest.mark.parametrize("text", [b"", b"nonsense", b"[]", b"null", b"\xff", b"[" * 100_000])
def test_what_is_no_seal(sealed, text):
    folder, _, _ = sealed
    (folder / "holdfast" / "seal.json").write_bytes(text)
    with pytest.raises(SealError, match=r"seal\.json"):
        read_seal(folder)


def test_no_seal_and_no_model(tmp_path):
    with pytest.raises(SealError, match="not an MLflow model"):
        read_seal(tmp_path)
    (tmp_path / "MLmodel").write_text("")
    with pytest.raises(SealError, match="is not sealed") as caught:
        read_seal(tmp_path)
    assert "uv add holdfast" in caught.value.hint
