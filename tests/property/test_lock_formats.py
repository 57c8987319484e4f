"""Any lock that can be read goes out as PEP 751 and comes back the same; any other is refused."""

import copy
import sys
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from holdfast.errors import LockError
from holdfast.lock.closure import production_closure
from holdfast.lock.diff import diff
from holdfast.lock.graph import LockGraph
from holdfast.lock.pylock import dumps, from_dict, loads, to_pylock

sys.path.append(str(Path(__file__).parents[1] / "unit" / "lock"))

from uv_export import invented_wheels, to_requirements

NAMES = ["ash", "birch", "cedar-tree", "elm"]
VERSIONS = ["1.0", "1.0.1", "2!3.0rc1", "0.1+cpu", "2024.1.post1"]
MARKERS = ["", "sys_platform == 'linux'", "python_full_version < '3.12'", "extra == 'extra-1-a-x'"]
DIGEST = st.integers(0, 15).map(lambda digit: f"sha256:{digit:064x}")


def files(filename):
    url = f"https://ada:secret@files.example/{filename}?token=secret"
    size = st.one_of(st.none(), st.integers(0, 2**40))
    return st.builds(
        lambda digest, size: {"url": url, "hash": digest, **({"size": size} if size else {})},
        DIGEST,
        size,
    )


@st.composite
def packages(draw, name, version):
    kind = draw(st.sampled_from(["registry", "registry", "git", "url", "directory", "virtual"]))
    package = {"name": name, "version": version}
    module = name.replace("-", "_")
    wheel = f"{module}-{version}-py3-none-any.whl"
    if kind == "git":
        return {
            **package,
            "source": {"git": "https://ada:secret@git.example/x?rev=main#" + "c" * 40},
        }
    if kind == "url":
        source = {"url": f"https://ada:secret@files.example/{wheel}"}
        return {**package, "source": source, "wheels": [draw(files(wheel))]}
    if kind in ("directory", "virtual"):
        return {**package, "source": {kind: f"libs/{name}"}}
    package["source"] = {"registry": "https://ada:secret@index.example/simple"}
    package["wheels"] = [draw(files(wheel))] if draw(st.booleans()) else []
    if not package["wheels"] or draw(st.booleans()):
        package["sdist"] = draw(files(f"{module}-{version}.tar.gz"))
    return package


@st.composite
def locks(draw):
    """A uv.lock of few packages and any edges, cycles and forks among them."""
    keys = draw(
        st.lists(
            st.tuples(st.sampled_from(NAMES), st.sampled_from(VERSIONS)), unique=True, max_size=6
        )
    )
    found = [draw(packages(*key)) for key in keys]
    root = {"name": "root", "version": "0", "source": {"editable": "."}}
    for package in (root, *found):
        ends = draw(st.lists(st.sampled_from(keys), max_size=3)) if keys else []
        edges = [
            {"name": n, "version": v, "marker": draw(st.sampled_from(MARKERS))} for n, v in ends
        ]
        package["dependencies"] = edges
    return {"version": 1, "revision": 3, "requires-python": ">=3.10", "package": [root, *found]}


@settings(max_examples=120, deadline=None)
@given(lock=locks())
def test_out_and_back(lock):
    closure = production_closure(LockGraph.from_dict(lock))
    pylock = to_pylock(closure, wheels=invented_wheels(closure))
    text = dumps(pylock)

    assert "secret" not in text + to_requirements(pylock)
    assert loads(text) == from_dict(pylock)
    assert loads(dumps(loads(text).to_dict())) == loads(text)
    assert not diff(pylock, loads(text).to_dict())
    assert to_requirements(pylock).count("\n") >= len(pylock["packages"])


PLACES = st.lists(st.integers(0, 10), min_size=1, max_size=5)
WRONG = st.sampled_from([None, 7, True, "text", [], {}, [1], {"name": 1}, 1.5])


@settings(max_examples=250, deadline=None)
@given(lock=locks(), places=PLACES, wrong=WRONG)
def test_damage_is_refused_or_harmless(lock, places, wrong):
    """One value anywhere is replaced or taken away: a LockError, or a lock, and nothing else."""
    damaged = copy.deepcopy(lock)
    table = damaged
    for step, place in enumerate(places):
        keys = list(table) if isinstance(table, dict) else list(range(len(table)))
        if not keys:
            break
        key = keys[place % len(keys)]
        if step == len(places) - 1 or not isinstance(table[key], (dict, list)):
            if wrong is None:
                del table[key]
            else:
                table[key] = wrong
            break
        table = table[key]
    try:
        closure = production_closure(LockGraph.from_dict(damaged))
        from_dict(to_pylock(closure, wheels=invented_wheels(closure)))
    except LockError as error:
        refused = error.message
    else:
        refused = None
    assert refused != ""
