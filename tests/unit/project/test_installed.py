from __future__ import annotations

import hashlib
import json
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from holdfast.project.installed import (
    Installed,
    installed_distributions,
    installed_record,
    record_digest,
    record_size,
    requirement_of,
)

WHEEL = ["six.py,sha256=abc,100", "six-1.0.dist-info/METADATA,sha256=def,20"]


def install(folder, name, direct_url=None, record=None):
    info = folder / f"{name}.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("")
    if record is not None:
        (info / "RECORD").write_text(record)
    if direct_url is not None:
        (info / "direct_url.json").write_text(direct_url)
    return info


def test_what_is_there_by_its_normalised_name(tmp_path):
    first, second = tmp_path / "first", tmp_path / "second"
    install(first, "Ruamel.Yaml_Clib-1.0")
    install(second, "ruamel_yaml_clib-2.0")
    install(second, "six-1.16.0", json.dumps({"url": "https://x/six.whl", "archive_info": {}}))
    install(second, "odd-1.0", "not json")
    # What pip leaves when it is killed, and a folder that is no distribution.
    install(second, "~ix-1.15.0")
    (second / "gone-1.0.dist-info").mkdir()
    install(second, "unversioned")
    found = installed_distributions([str(first), str(second), str(tmp_path / "missing")])
    assert {name: one.version for name, one in found.items()} == {
        "ruamel-yaml-clib": "1.0",
        "six": "1.16.0",
        "odd": "1.0",
    }
    assert found["six"].direct_url["url"] == "https://x/six.whl"
    assert found["odd"].direct_url == {}


def test_what_a_package_has_brought_along_is_part_of_it(tmp_path):
    packages = tmp_path / "site-packages"
    install(packages, "setuptools-80.0")
    install(packages / "setuptools" / "_vendor", "more_itertools-10.8.0")
    path = [str(packages), str(packages / "setuptools" / "_vendor")]
    assert list(installed_distributions(path)) == ["setuptools"]


@pytest.mark.parametrize(
    ("direct_url", "said"),
    [
        ({}, "mine==1.0"),
        (
            {"url": "https://a:b@h/r", "vcs_info": {"vcs": "git", "commit_id": "c0ffee"}},
            "mine @ git+https://h/r@c0ffee",
        ),
        (
            {
                "url": "https://h/r",
                "vcs_info": {"vcs": "git", "commit_id": "c0ffee"},
                "subdirectory": "x",
            },
            "mine @ git+https://h/r@c0ffee#subdirectory=x",
        ),
        (
            {"url": "https://h/m.whl?token=x", "archive_info": {}},
            "mine @ https://h/m.whl?token=****",
        ),
    ],
)
def test_a_requirement_for_just_that(tmp_path, direct_url, said):
    one = Installed(name="mine", version="1.0", dist_info=tmp_path, direct_url=direct_url)
    assert requirement_of(one) == said


INSTALLERS = [
    "six-1.0.dist-info/RECORD,,",
    "six-1.0.dist-info/INSTALLER,sha256=x,2",
    "six-1.0.dist-info/REQUESTED,sha256=x,0",
    "six-1.0.dist-info/direct_url.json,sha256=x,50",
    "six-1.0.dist-info/uv_cache.json,sha256=x,50",
    "../../../bin/six,sha256=x,200",
    "__pycache__/six.cpython-311.pyc,,",
    "pkg/__pycache__/a.cpython-311.pyc,,",
]


@settings(deadline=None)
@given(st.lists(st.sampled_from(INSTALLERS), unique=True), st.randoms(use_true_random=False))
def test_one_digest_however_it_was_installed(more: list[str], order: random.Random):
    rows = [*WHEEL, *more]
    order.shuffle(rows)
    assert record_digest("\n".join(rows)) == record_digest("\r\n".join(WHEEL) + "\r\n")


@pytest.mark.parametrize(
    "row",
    [
        "six.py,sha256=abd,100",
        "six.pth,sha256=abc,100",
        "../../../etc/six,sha256=x,2",
        "six-1.0.dist-info/entry_points.txt,sha256=x,1",
        "six-1.0.data/data/x,sha256=x,1",
    ],
)
def test_another_digest_for_anything_else(row):
    assert record_digest("\n".join([*WHEEL, row])) != record_digest("\n".join(WHEEL))


def test_the_digest_is_as_the_format_has_it():
    text = "".join(f"{row}\n" for row in sorted(WHEEL))
    assert record_digest("\n".join(WHEEL)) == hashlib.sha256(text.encode()).hexdigest()
    assert record_digest('"a,b.py",sha256=abc,1\n') == record_digest('"a,b.py",sha256=abc,"1"\n')


def test_no_record_and_none_that_counts(tmp_path):
    info = install(tmp_path, "mine-1.0")
    assert installed_record(Installed(name="mine", version="1.0", dist_info=info)) == ("", 0)
    (info / "RECORD").write_text("\n".join(WHEEL))
    one = Installed(name="mine", version="1.0", dist_info=info)
    found = record_digest("\n".join(WHEEL)), record_size("\n".join(WHEEL))
    assert installed_record(one) == found
    assert found[1] > 0
    editable = {"url": "file:///x", "dir_info": {"editable": True}}
    one = Installed(name="mine", version="1.0", dist_info=info, direct_url=editable)
    assert installed_record(one) == ("", 0)


@pytest.mark.parametrize(
    ("record", "size"),
    [
        ("", 0),
        ("a.py,sha256=x,10\nb.py,sha256=x,5\n", 15),
        ("a.py,sha256=x,10\r\nb.py,sha256=x,5\r\n", 15),
        ('"a,7",sha256=x,10\n"b.py","sha256=x","5"', 15),
        ("a.pyc,,\nRECORD,,\n", 0),
        (f"a.py,sha256=x,{'9' * 5000}\nb.py,sha256=x,5\n", 5),
        ("a.py,sha256=x,-3\n", 0),
    ],
)
def test_the_sizes_of_a_record_are_counted(record, size):
    assert record_size(record) == size
