"""Markers joined as diagrams are true where packaging says the texts are."""

import pytest
from packaging.markers import Marker
from uv_export import GRID

from holdfast.errors import LockError
from holdfast.lock.expression import parse
from holdfast.lock.markers import ALWAYS, NEVER, MarkerSpace


def simplified(*markers, requires_python=""):
    """The union of `markers`, as text."""
    space = MarkerSpace(markers, requires_python)
    union = NEVER
    for marker in markers:
        union = space.either(union, space.read(marker))
    return "never" if union == NEVER else space.write(union)


@pytest.mark.parametrize(
    ("markers", "expected"),
    [
        (["python_version < '3.12'", "python_version >= '3.12'"], ""),
        (["sys_platform == 'linux'", ""], ""),
        (["sys_platform == 'linux'", "sys_platform != 'linux'"], ""),
        (["python_version < '3'", "python_version < '3'"], "python_full_version < '3.0'"),
        (["python_version < '0'"], "never"),
        (["sys_platform == 'a' and sys_platform == 'b'"], "never"),
        (
            ["python_version == '3.11'"],
            "python_full_version >= '3.11' and python_full_version < '3.12'",
        ),
        (["python_version > '3.11'"], "python_full_version >= '3.12'"),
        (["python_version <= '3.11'"], "python_full_version < '3.12'"),
        (["python_version >= '3.11.2'"], "python_full_version >= '3.12'"),
        (["python_version == '3.11.2'"], "never"),
        (
            ["python_version in '3.10 3.11'"],
            "python_full_version >= '3.10' and python_full_version < '3.12'",
        ),
        (
            ["python_full_version ~= '3.11.2'"],
            "python_full_version >= '3.11.2' and python_full_version < '3.12'",
        ),
        (["python_full_version != '3.11.2'"], "python_full_version != '3.11.2'"),
        (
            ["python_full_version == '3.11.*'"],
            "python_full_version >= '3.11' and python_full_version < '3.12'",
        ),
        (["'3.11' <= python_version"], "python_full_version >= '3.11'"),
        (["os.name == 'nt'"], "os_name == 'nt'"),
        (["'bsd' in sys_platform", "'bsd' not in sys_platform"], ""),
        (["'bsd' not in sys_platform"], "'bsd' not in sys_platform"),
        (["platform_release >= '6'"], "platform_release >= '6'"),
        (['sys_platform == "it\'s"'], 'sys_platform == "it\'s"'),
        (
            ["sys_platform == 'a' or sys_platform == 'b'"],
            "sys_platform == 'a' or sys_platform == 'b'",
        ),
        (
            ["(sys_platform == 'a' or sys_platform == 'b') and os_name == 'c'"],
            "os_name == 'c' and (sys_platform == 'a' or sys_platform == 'b')",
        ),
        (
            ["sys_platform == 'a'", "sys_platform == 'a' and python_version < '3.11'"],
            "sys_platform == 'a'",
        ),
        (
            ["python_version < '3.11'", "python_version >= '3.11' and sys_platform == 'a'"],
            "python_full_version < '3.11' or sys_platform == 'a'",
        ),
        (
            [
                "platform_machine == 'x' and python_version < '3.12'",
                "platform_machine == 'x' and python_version >= '3.12'",
            ],
            "platform_machine == 'x'",
        ),
    ],
)
def test_a_union_is_short(markers, expected):
    assert simplified(*markers) == expected


@pytest.mark.parametrize(
    ("marker", "requires_python", "expected"),
    [
        ("python_version >= '3.11'", ">=3.11", ""),
        ("python_version < '3.11'", ">=3.11", "never"),
        ("python_version < '3.13'", ">=3.11,<3.13", ""),
        (
            "python_version >= '3.11' and python_version < '3.13'",
            ">=3.11",
            "python_full_version < '3.13'",
        ),
        ("python_version != '3.11'", "!=3.11.*", ""),
        ("python_version < '3.12'", ">=3.10, ===strange", "python_full_version < '3.12'"),
        ("python_full_version == '3.11.4'", "==3.11.4", ""),
    ],
)
def test_pythons_outside_the_lock_do_not_count(marker, requires_python, expected):
    assert simplified(marker, requires_python=requires_python) == expected


def test_many_forks_do_not_explode():
    """More axes and values than a real lock has: text joined by "or" would have no end."""
    axes = ("sys_platform", "platform_machine", "os_name", "platform_system", "implementation_name")
    literals = [f"{axis} == 'v{value}'" for axis in axes for value in range(6)]
    literals += [
        f"python_full_version >= '3.{minor}.{patch}'"
        for minor in range(8, 15)
        for patch in range(4)
    ]
    space = MarkerSpace(literals)
    union = NEVER
    for one in range(len(literals)):
        path = ALWAYS
        for step in range(5):
            path = space.both(path, space.read(literals[(one * 7 + step * 11) % len(literals)]))
        union = space.either(union, path)
    assert 0 < len(space.write(union)) < 20_000


def test_extras_are_replaced_by_when_they_are_wanted():
    marker = "extra == 'extra-1-a-x' or (sys_platform == 'linux' and extra != 'extra-1-a-y')"
    space = MarkerSpace([marker, "python_version < '3.12'"])
    early = space.read("python_version < '3.12'")
    node = space.read(marker)

    assert space.write(space.with_extras(node, {})) == "sys_platform == 'linux'"
    assert space.with_extras(node, {"extra-1-a-x": ALWAYS}) == ALWAYS
    assert space.with_extras(node, {"extra-1-a-y": ALWAYS}) == NEVER
    assert space.write(space.with_extras(node, {"extra-1-a-x": early, "extra-1-a-y": ALWAYS})) == (
        "python_full_version < '3.12'"
    )


@pytest.mark.parametrize(
    "marker",
    [
        "", "sys_platform", "sys_platform ==", "== 'a'", "(sys_platform == 'a'",
        "sys_platform == 'a')", "sys_platform == 'a' and", "'a' == 'b'", "sys_platform == os_name",
        "unknown == 'a'",
        "sys_platform = 'a'", "sys_platform == 'a", "sys_platform == 'a' sys_platform == 'b'", "$",
    ],
)  # fmt: skip
def test_what_is_no_marker_is_refused(marker):
    with pytest.raises(LockError, match="expected an environment marker"):
        parse(marker)


def test_an_opposite_that_has_no_words_is_refused():
    space = MarkerSpace(["platform_release ~= '6.1'"])
    with pytest.raises(LockError, match="no marker says the opposite"):
        space.write(space.opposite(space.read("platform_release ~= '6.1'")))


@pytest.mark.parametrize("marker", ["sys_platform == 'linux' and python_version in '3.10, 3.12'"])
def test_in_lists_versions_as_packaging_does(marker):
    written = Marker(simplified(marker))
    assert [written.evaluate(one) for one in GRID] == [Marker(marker).evaluate(one) for one in GRID]
