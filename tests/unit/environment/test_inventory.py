from __future__ import annotations

import pytest

from holdfast.environment.inventory import Distribution, Inventory


def distribution(name, **files):
    rows = tuple(
        (f"lib/python3/site-packages/{path}", size, 0, "") for path, size in files["files"].items()
    )
    return Distribution(name=name, version="1", kind="wheel", filename="", pin="", files=rows)


INVENTORY = Inventory(
    key="",
    created=0,
    checked_ns=0,
    interpreter={},
    site_packages="lib/python3/site-packages",
    distributions=(
        distribution("opencv-python", files={"cv2/cv2.abi3.so": 7, "cv2/__init__.py": 1}),
        distribution("six", files={"six.py": 2, "six-1.dist-info/RECORD": 1}),
        distribution("fast", files={"_fast.cpython-311-x86_64-linux-gnu.so": 3}),
        distribution("google-one", files={"google/one/__init__.py": 4, "shared.py": 5}),
        distribution("google-two", files={"google/two/__init__.py": 6, "shared.py": 5}),
    ),
    own=(),
    links={},
)


@pytest.mark.parametrize(
    ("module", "package"),
    [
        ("cv2", "opencv-python"),
        ("six", "six"),
        ("_fast", "fast"),
        ("google.two", "google-two"),
        ("google.two.deep", ""),
        ("si", ""),
    ],
)
def test_the_package_that_brings_a_module(module, package):
    assert INVENTORY.package_of(module) == package


def test_a_file_of_two_packages_counts_once():
    assert INVENTORY.bytes_of({"google-one", "google-two"}) == 4 + 6 + 5
    assert INVENTORY.bytes_of(set()) == 0
