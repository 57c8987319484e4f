"""Whatever is joined, negated by a fork or simplified: the text is true where it should be."""

import sys
from functools import reduce
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st
from packaging.markers import Marker
from packaging.specifiers import SpecifierSet

from holdfast.lock.markers import NEVER, MarkerSpace

sys.path.append(str(Path(__file__).parents[1] / "unit" / "lock"))

from uv_export import GRID

VERSIONS = st.sampled_from(["3.10", "3.11", "3.11.0", "3.11.7", "3.12", "3.13.4", "3.14"])
VALUES = {
    "sys_platform": ["linux", "darwin", "win32", "emscripten"],
    "platform_machine": ["x86_64", "aarch64", "arm64", "AMD64"],
    "platform_system": ["Linux", "Windows"],
    "os_name": ["posix", "nt"],
    "implementation_name": ["cpython", "pypy"],
    "platform_python_implementation": ["CPython", "PyPy"],
}


@st.composite
def literals(draw):
    if draw(st.booleans()):
        operator = draw(st.sampled_from(["<", "<=", ">", ">=", "==", "!=", "~="]))
        return f"python_full_version {operator} '{draw(VERSIONS)}'"
    if draw(st.booleans()):
        operator = draw(st.sampled_from(["<", "<=", ">", ">=", "==", "!="]))
        return f"python_version {operator} '{draw(st.sampled_from(['3.10', '3.11', '3.13']))}'"
    variable = draw(st.sampled_from(sorted(VALUES)))
    value = draw(st.sampled_from(VALUES[variable]))
    form = draw(
        st.sampled_from(["{0} == '{1}'", "{0} != '{1}'", "'{1}' in {0}", "'{1}' not in {0}"])
    )
    return form.format(variable, value)


def joined(parts):
    return st.tuples(
        st.sampled_from([" and ", " or "]), st.lists(parts, min_size=2, max_size=3)
    ).map(lambda pair: f"({pair[0].join(pair[1])})")


MARKERS = st.recursive(literals(), joined, max_leaves=6)
PYTHONS = st.sampled_from(["", ">=3.11", ">=3.10,<3.13", ">=3.11.5", "!=3.12.*,>=3.10"])


@settings(max_examples=250, deadline=None)
@given(
    paths=st.lists(st.lists(MARKERS, min_size=1, max_size=3), min_size=1, max_size=4),
    pythons=PYTHONS,
)
def test_a_union_of_paths_is_true_where_one_of_them_is(paths, pythons):
    markers = [marker for path in paths for marker in path]
    _, text = joined_in(MarkerSpace(markers, pythons), paths)
    parsed = Marker(text) if text else None
    sources = [[Marker(marker) for marker in path] for path in paths]
    allowed = SpecifierSet(pythons)
    for environment in GRID:
        if environment["python_full_version"] in allowed:
            expected = any(all(one.evaluate(environment) for one in path) for path in sources)
            assert (parsed is None or parsed.evaluate(environment)) == expected, text

    again = MarkerSpace([*markers, text], pythons)
    assert again.read(text) == joined_in(again, paths)[0]


def joined_in(space, paths):
    union = reduce(space.either, [reduce(space.both, map(space.read, path)) for path in paths])
    return union, "python_version < '0'" if union == NEVER else space.write(union)
