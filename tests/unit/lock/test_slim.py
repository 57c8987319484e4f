"""Which packages stay: by hand-made locks, so small that the answer can be seen."""

from __future__ import annotations

import pytest

from holdfast.errors import LockError
from holdfast.lock.slim import came_along, needs_of, part, unknown

LOCK = {
    "trainer": ["mlflow", "jupyter", "lightgbm"],
    "mlflow": ["mlflow-skinny", "mlflow-tracing", "pyarrow", "flask"],
    "mlflow-skinny": ["pyyaml"],
    "mlflow-tracing": ["pyyaml"],
    "lightgbm": ["numpy"],
    "jupyter": ["pandas", "notebook"],
    "notebook": ["jupyter"],
    "pandas": ["numpy", "tzdata"],
    "keeper": ["mlflow"],
    "pyarrow": [],
    "flask": [],
    "numpy": [],
    "pyyaml": [],
}


def package(name, needed):
    entry = {"name": name, "version": "1"}
    return {**entry, "dependencies": [{"name": to} for to in needed]} if needed else entry


PACKAGES = [package(name, needed) for name, needed in LOCK.items()]
NEEDS = needs_of(PACKAGES, LOCK)


def test_an_edge_to_what_this_machine_does_not_have_is_none():
    assert NEEDS["pandas"] == {"numpy"}


def test_of_a_package_that_forks_every_fork_counts():
    forks = [package("a", ["b"]), {**package("a", ["c"]), "version": "2"}, package("b", [])]
    assert needs_of(forks, ["a", "b", "c"])["a"] == {"b", "c"}


def test_a_lock_without_edges_says_nothing():
    with pytest.raises(LockError, match="does not say which package needs which"):
        needs_of([package("a", []), package("b", [])], ["a", "b"])
    assert needs_of([package("a", [])], ["a"]) == {"a": frozenset()}


def test_what_was_seen_stays_with_all_that_it_needs_cycles_too():
    assert part(NEEDS, ["lightgbm"]) == {"lightgbm", "numpy"}
    assert part(NEEDS, ["notebook"]) == {"notebook", "jupyter", "pandas", "numpy"}


def test_the_projects_own_package_brings_nothing_along():
    assert part(NEEDS, ["trainer", "lightgbm"], own={"trainer"}) == {"trainer", "lightgbm", "numpy"}
    assert "notebook" in part(NEEDS, ["trainer"])


@pytest.mark.parametrize("seen", [["mlflow", "mlflow-tracing"], ["keeper"]])
def test_skinny_stands_in_wherever_mlflow_is_named(seen):
    kept = part(NEEDS, seen, skinny=True)
    assert {"mlflow-skinny", "pyyaml"} <= kept
    assert not kept & {"mlflow", "mlflow-tracing", "flask"}
    assert {"mlflow", "mlflow-tracing", "flask"} <= part(NEEDS, seen)


def test_what_came_along_with_what_is_left_out_is_worth_a_try():
    seen = {"mlflow", "lightgbm", "pyarrow", "pandas", "numpy"}
    kept = part(NEEDS, seen, skinny=True)
    # Of lightgbm nobody else speaks: the user asked for it. numpy is needed by what is kept.
    needs = {name: needed for name, needed in NEEDS.items() if name != "trainer"}
    assert came_along(needs, kept, seen) == {"pyarrow", "pandas"}
    # Nor of what the project itself names.
    own = {**NEEDS, "trainer": frozenset({"pyarrow"})}
    assert came_along(own, kept, seen, own={"trainer"}) == {"pandas"}


def test_names_are_compared_as_indexes_compare_them():
    assert unknown(NEEDS, ["PyYAML", "Light_GBM", "lightgbm"]) == ("Light_GBM",)
