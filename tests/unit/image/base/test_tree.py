"""Layers over each other: what covers what, and where links lead."""

import pytest

from holdfast.image.base.listing import FILE, FOLDER, HARD, LINK, Listing, Node
from holdfast.image.base.tree import Tree


def _tree(*layers: dict[str, Node]) -> Tree:
    return Tree([Listing(diff_id=f"sha256:{n}", nodes=nodes) for n, nodes in enumerate(layers)])


def _file(size: int = 1) -> Node:
    return Node(kind=FILE, size=size)


def _link(target: str) -> Node:
    return Node(kind=LINK, target=target)


def _paths(tree: Tree) -> list[str]:
    return [found.path for found in tree.walk() if found.node.kind != FOLDER]


def test_a_later_layer_covers_an_earlier_one():
    tree = _tree({"a/b": _file(1), "a/c": _file(2)}, {"a/b": _file(3)})
    assert tree.find("/a/b").node.size == 3
    assert tree.find("/a/c").node.size == 2


def test_a_whiteout_takes_away_what_is_below_it_and_not_what_stands_beside_it():
    tree = _tree(
        {"a/b/c": _file(), "a/d": _file(), "e": _file()},
        {"a/.wh.b": _file(0), ".wh.e": _file(0), "a/f": _file()},
    )
    assert _paths(tree) == ["/a/d", "/a/f"]


def test_an_opaque_folder_keeps_only_its_own_layer_wherever_its_mark_stands():
    tree = _tree({"a/b": _file(), "a/c/d": _file()}, {"a/new": _file(), "a/.wh..wh..opq": _file(0)})
    assert _paths(tree) == ["/a/new"]


def test_a_file_in_the_place_of_a_folder_covers_all_of_it():
    assert _paths(_tree({"a/b": _file()}, {"a": _file()})) == ["/a"]


def test_a_folder_said_again_keeps_what_it_holds():
    tree = _tree({"a/b": _file()}, {"a": Node(kind=FOLDER, mode=0o700)})
    assert tree.find("/a").node.mode == 0o700
    assert tree.find("/a/b")


def test_links_are_followed_inside_the_root_and_never_out_of_it():
    tree = _tree(
        {
            "lib": _link("usr/lib"),
            "usr/lib/x.so": _file(7),
            "usr/lib/y.so": _link("../../../../../lib/x.so"),
            "absolute": _link("/lib/y.so"),
        }
    )
    for path in ("/lib/x.so", "/usr/lib/y.so", "/absolute", "//usr/./lib/../lib/x.so"):
        found = tree.find(path)
        assert found is not None, path
        assert (found.path, found.node.size) == ("/usr/lib/x.so", 7)


def test_a_layer_that_writes_through_a_link_writes_where_it_leads():
    tree = _tree({"lib": _link("usr/lib"), "usr/lib/x": _file()}, {"lib/y": _file()})
    assert _paths(tree) == ["/lib", "/usr/lib/x", "/usr/lib/y"]


@pytest.mark.parametrize("target", ["loop", "/loop", "loop/loop", "other"])
def test_links_in_a_circle_lead_nowhere(target):
    tree = _tree({"loop": _link(target), "other": _link("loop")}, {"loop/inside": _file()})
    assert tree.find("/loop/x") is None
    assert tree.find("/loop/inside") is None


def test_a_second_name_of_a_file_is_that_file_of_a_lower_layer_too():
    tree = _tree({"a": _file(5)}, {"b": Node(kind=HARD, target="a")})
    assert tree.find("/b").node.size == 5


def test_a_second_name_of_nothing_is_nothing():
    assert _paths(_tree({"b": Node(kind=HARD, target="missing")})) == []


def test_what_a_folder_holds():
    assert _tree({"a/c": _file(), "a/b": _file()}).names("/a") == ("b", "c")
