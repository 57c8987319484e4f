"""Two models compared, part by part; of what is somebody else's, nothing is opened unchecked."""

from __future__ import annotations

import json
import time
import zipfile
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from diffable import make_model, package
from holdfast.diff.diff import diff
from holdfast.diff.difference import Change
from holdfast.errors import LockError, MismatchError
from holdfast.seal.grade import Grade
from holdfast.seal.seal import SealedIndex, SealedProject
from pages import SEAL, golden_of


@pytest.fixture
def two(tmp_path):
    """Compare two models: `two({...}, {...})`."""

    def compare(before, after, **options):
        a = make_model(tmp_path / "a", **before)
        b = make_model(tmp_path / "b", **after)
        return diff(a, b, **options)

    return compare


def what(found):
    return {one.name: one.what for one in found.packages}


def test_a_model_is_as_it_is(two):
    both = {"packages": (package("six", "1.0"),), "code": {"mine.py": "x = 1\n"}}
    found = two(both, {**both, "created": "2030-01-01T00:00:00+00:00"})
    assert found.same
    assert found.packages == found.code == found.files == found.metadata == ()
    assert found.answers[0].same is None
    assert found.a.seal != found.b.seal


def test_packages(two):
    found = two(
        {
            "packages": (
                package("gone", "1.0"),
                package("moved", "1.0"),
                package("newer", "1.0"),
                package("replaced", "1.0", hashes="a"),
                package("grown", "1.0", files=1),
                package("same", "1.0"),
            )
        },
        {
            "packages": (
                package("come", "1.0"),
                package("moved", "1.0", index="https://elsewhere.example/simple"),
                package("newer", "1.1"),
                package("replaced", "1.0", hashes="b"),
                package("grown", "1.0", files=2),
                package("same", "1.0"),
            )
        },
    )
    assert what(found) == {
        "come": ("added",),
        "gone": ("removed",),
        "grown": ("files",),
        "moved": ("source",),
        "newer": ("version",),
        "replaced": ("hashes",),
    }
    assert not found.same
    moved = next(one for one in found.packages if one.name == "moved")
    assert (moved.before_source, moved.after_source) == (
        "https://packages.example/simple",
        "https://elsewhere.example/simple",
    )


def test_what_only_other_machines_get_comes_last(two):
    old, new = package("pandas", "2.0"), package("pandas", "3.0")
    found = two(
        {"packages": (new,), "elsewhere": (old, package("winonly", "1.0"))},
        {"packages": (old,), "elsewhere": (package("winonly", "2.0"),)},
    )
    assert [(one.name, one.before, one.after, one.here) for one in found.packages] == [
        ("pandas", "3.0", "2.0", True),
        ("winonly", "1.0", "2.0", False),
    ]


def test_a_seal_without_a_lock_has_requirements(two):
    bare = {"lock": "", "distributions": {}, "grade": Grade.INFERRED}
    files = ("six==1.0\nnumpy\n", "six==1.1\nnumpy\n--index-url x\n")
    found = two(*({**bare, "files": {"requirements.txt": text}} for text in files))
    assert what(found) == {"six": ("version",)}


def test_own_code_line_by_line(two):
    found = two(
        {"code": {"mine/a.py": "x = 1\ny = 2\n", "mine/gone.py": "", "mine/same.py": "z\n"}},
        {"code": {"mine/a.py": "x = 1\ny = 3\n", "mine/come.py": "n\n", "mine/same.py": "z\n"}},
    )
    assert {one.path: (one.what, one.added, one.removed) for one in found.code} == {
        "mine/a.py": ("changed", 1, 1),
        "mine/gone.py": ("removed", 0, 0),
        "mine/come.py": ("added", 1, 0),
    }
    changed = next(one for one in found.code if one.what == "changed")
    assert changed.owner == "mine"
    assert changed.lines[-2:] == ("-y = 2", "+y = 3")


def test_code_in_the_models_folder_is_code_and_the_rest_are_files(two):
    found = two(
        {"files": {"code/own.py": "x = 1\n", "model.pkl": b"\x80abc", "MLmodel": "a: 1\n"}},
        {"files": {"code/own.py": "x = 2\n", "model.pkl": b"\x80abcd", "data/n.txt": "new"}},
    )
    assert [(one.owner, one.path) for one in found.code] == [("", "code/own.py")]
    assert [(one.path, one.before, one.after) for one in found.files] == [
        ("data/n.txt", None, 3),
        ("model.pkl", 4, 5),
    ]
    assert {one.name for one in found.metadata} == {"a", "flavors"}


def test_what_is_no_text_is_not_printed(two):
    wide = "x" * (2 << 20)
    found = two(
        {"code": {"mine/a.bin": "\0", "mine/b.txt": "b"}},
        {"code": {"mine/a.bin": "\0\0", "mine/b.txt": wide}},
    )
    assert [(one.note, one.lines) for one in found.code] == [
        ("not text", ()),
        ("too large to be compared line by line", ()),
    ]


def test_lines_made_to_take_long_do_not(two):
    """difflib alone would take minutes for these."""

    def lines(step, most):
        return "".join(f"{(place * step) % (most // 100)}\n" for place in range(most))

    many, some = ({f"{step}": lines(step, most) for step in (7, 11)} for most in (19_000, 3000))
    plain = "".join(f"line {place}\n" for place in range(5000))
    before = {"a.py": plain, "y.py": some["7"], "z.py": many["7"]}
    after = {"a.py": f"{plain}more\n", "y.py": some["11"], "z.py": many["11"]}
    start = time.perf_counter()
    found = two({"code": before}, {"code": after})
    plainly = found.code[0]
    assert (plainly.path, plainly.added, plainly.note) == ("a.py", 1, "")
    assert found.code[-1].note == "too large to be compared line by line"
    assert time.perf_counter() - start < 30


def test_where_it_came_from_and_what_it_is(two):
    python = replace(SEAL.python, version="3.12.1")
    project = SealedProject(
        name="churn", version="2.5.0", commit="beef", dirty=False, groups=("g",)
    )
    asked = "holdfast/project/pyproject.toml"
    signature = 'signature:\n  inputs: \'[{"name": "x", "type": "%s", "required": true}]\'\n'
    found = two(
        {
            "files": {
                asked: '[project]\ndependencies = ["six"]\n',
                "MLmodel": signature % "long" + "model_id: m-1\nrun_id: a\nflavors: {f: {v: 1}}\n",
            }
        },
        {
            "grade": Grade.LOCKED,
            "python": python,
            "project": project,
            "indexes": (SealedIndex(name="house", url="https://packages.example"),),
            "files": {
                asked: '[project]\ndependencies = ["six", "numpy"]\n[tool.uv]\ndev = true\n',
                "MLmodel": signature % "double" + "model_id: m-2\nrun_id: b\nflavors: {f: {v: 2}}",
            },
        },
    )
    assert found.seal == (Change(name="grade", before="frozen", after="locked"),)
    assert found.python == (Change(name="version", before="3.11.7", after="3.12.1"),)
    assert {one.name for one in found.project} >= {"commit", "version", "groups", "index house.url"}
    assert {(one.name, one.after) for one in found.asked} == {
        ("project.dependencies", "six, numpy"),
        ("tool.uv.dev", "True"),
    }
    (column,) = found.signature
    assert (column.before, column.after) == ("x: long", "x: double")
    assert [(one.name, one.after) for one in found.metadata] == [("flavors.f.v", "2")]


FRAME = pd.DataFrame({"x": [1.0, 2.0]})


@pytest.mark.parametrize(
    ("after", "options", "same", "said"),
    [
        (golden_of(FRAME, np.array([1.0, 2.0])), {}, True, "identical to the bit"),
        (golden_of(FRAME, np.array([1.0, 2.5])), {}, False, "largest difference is 0.5"),
        (golden_of(FRAME, np.array([1.0, 2.5])), {"tolerance": 0.5}, True, "difference is 0.5"),
        (golden_of(FRAME, np.array([1, 2])), {}, False, "another shape or type"),
        (golden_of(FRAME * 2, np.array([1.0, 2.0])), {}, False, "other inputs"),
        (None, {}, False, "b has no golden predictions"),
    ],
)
def test_golden_predictions(two, after, options, same, said):
    before = golden_of(FRAME, np.array([1.0, 2.0]))
    found = two({"golden": before}, {"golden": after}, **options)
    assert found.answers[0].same is same
    assert said in found.answers[0].summary
    assert found.same is same
    json.loads(json.dumps(found.to_dict(), allow_nan=False))


def test_answers_that_never_repeat_are_compared_by_shape(two):
    one, other = (golden_of(FRAME, np.array([value])) for value in (1.0, 2.0))
    found = two({"golden": one}, {"golden": other})
    assert found.answers[0].same is False
    known = make_known(found)
    assert known.same


def make_known(found):
    """The same two, had their answers not been repeatable."""
    from holdfast.diff.answers import golden_change
    from holdfast.model import open_model

    models = [open_model(side.model) for side in (found.a, found.b)]
    shy = [
        replace(one, seal=replace(one.seal, golden=replace(one.seal.golden, repeatable=False)))
        for one in models
    ]
    return golden_change(*shy, 0.0)


@pytest.mark.parametrize(
    "path", ["pylock.toml", "holdfast/golden.json", "MLmodel", "code/own.py", "holdfast/wheels/{}"]
)
def test_what_is_not_as_it_was_sealed_is_not_opened(tmp_path, path):
    golden = golden_of(FRAME, np.array([1.0, 2.0]))
    both = {"golden": golden, "packages": (package("six", "1.0"),)}
    a = make_model(tmp_path / "a", code={"mine.py": "1"}, files={"code/own.py": "1"}, **both)
    b = make_model(tmp_path / "b", code={"mine.py": "2"}, files={"code/own.py": "2"}, **both)
    target = tmp_path / "b" / path.format("mine-1.0-py3-none-any.whl")
    target.write_bytes(target.read_bytes() + b" ")
    with pytest.raises(MismatchError, match=target.name):
        diff(a, b)


def test_a_wheel_that_can_be_read_in_two_ways_is_refused(tmp_path):
    a = make_model(tmp_path / "a", code={"mine.py": "1"})
    b = make_model(tmp_path / "b", code={"mine.py": "2"})
    (wheel,) = (tmp_path / "b" / "holdfast" / "wheels").iterdir()
    with zipfile.ZipFile(wheel, "a") as archive:
        archive.writestr("stray.py", "not in RECORD")
    b = resealed(b, wheel)
    with pytest.raises(MismatchError, match="stray"):
        diff(a, b)
    wheel.write_bytes(b"no zip at all")
    with pytest.raises(MismatchError, match="cannot be read"):
        diff(a, resealed(b, wheel))


def test_a_wheel_that_unpacks_to_more_than_anybody_reads_is_not_unpacked(tmp_path):
    a = make_model(tmp_path / "a", code={"mine.py": "1"})
    b = make_model(tmp_path / "b", code={"bomb": "0" * (65 << 20)})
    found = diff(a, b)
    assert {one.note for one in found.code if one.path.endswith(".whl")} == {
        "too large to be compared line by line"
    }


def test_a_lock_that_is_none(tmp_path):
    a = make_model(tmp_path / "a")
    b = make_model(tmp_path / "b")
    lock = tmp_path / "b" / "pylock.toml"
    lock.write_text("packages = 3\n")
    with pytest.raises(LockError):
        diff(a, resealed(b, lock))


def resealed(model, path):
    """`model` with a seal that blesses what `path` is now."""
    from holdfast.model import open_model
    from holdfast.seal.digest import digest_file
    from holdfast.seal.store import write_seal

    seal, name, found = model.seal, path.relative_to(model.path).as_posix(), digest_file(path)
    seal = replace(seal, files={**seal.files, name: found})
    if name == "pylock.toml":
        seal = replace(seal, lock=found.sha256)
    else:
        seal = replace(seal, wheels=(replace(seal.wheels[0], sha256=found.sha256),))
    write_seal(model.path, seal)
    return open_model(model.path)


YAML_THAT_GROWS = "a: &a [x, x]\n" + "".join(
    f"{chr(98 + n)}: &{chr(98 + n)} {{{', '.join(f'{k}: *{chr(97 + n)}' for k in 'pqrstuvw')}}}\n"
    for n in range(12)
)


def test_metadata_that_goes_on_for_ever_is_cut(two):
    start = time.perf_counter()
    found = two({}, {"files": {"MLmodel": YAML_THAT_GROWS}})
    assert 100 < len(found.metadata) <= 2001
    found = two({}, {"files": {"MLmodel": "a: &a {b: *a}\nc: &c [*c]\n"}})
    assert found.metadata
    assert time.perf_counter() - start < 10
