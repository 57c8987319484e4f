"""Targets of Pythons that are not of this machine, and may be of none."""

from holdfast.image.base.python import BasePython, target


def _python(libc: str, machine: str = "x86_64", tag: str = "cpython-311") -> BasePython:
    return BasePython(
        path="/usr/bin/python3.11",
        version="3.11.7",
        abi=f"{tag}-{machine}-linux-gnu",
        libc=libc,
        size=1,
        mtime_ns=0,
        library="",
        missing={},
    )


def _tags(python: BasePython, machine: str = "x86_64") -> list[str]:
    return [str(tag) for tag in target(python, machine).tags]


def test_musl_takes_musllinux_wheels_and_no_others():
    tags = _tags(_python("musl-1.2"))
    assert tags[:4] == [
        "cp311-cp311-linux_x86_64",
        "cp311-cp311-musllinux_1_2_x86_64",
        "cp311-cp311-musllinux_1_1_x86_64",
        "cp311-cp311-musllinux_1_0_x86_64",
    ]
    assert not any("manylinux" in tag for tag in tags)


def test_glibc_takes_wheels_for_it_and_for_older_ones():
    tags = _tags(_python("glibc-2.17"))
    assert "cp311-cp311-manylinux_2_17_x86_64" in tags
    assert "cp311-cp311-manylinux2014_x86_64" in tags
    assert "cp311-cp311-manylinux1_x86_64" in tags
    assert not any("2_18" in tag for tag in tags)


def test_arm64_begins_where_its_wheels_do():
    tags = _tags(_python("glibc-2.36", "aarch64"), "aarch64")
    assert "cp311-cp311-manylinux_2_17_aarch64" in tags
    assert not any("manylinux_2_16" in tag or "manylinux1" in tag for tag in tags)


def test_a_python_whose_libc_is_not_known_takes_only_pure_wheels_and_its_own():
    assert {tag.rpartition("-")[2] for tag in _tags(_python(""))} == {"linux_x86_64", "any"}


def test_a_free_threaded_python_takes_wheels_of_its_own_kind():
    free = _python("glibc-2.36", tag="cpython-313t")
    assert free.free_threaded
    assert _tags(free)[0] == "cp311-cp311t-linux_x86_64"
    assert "cp311-cp311-linux_x86_64" not in _tags(free)


def test_markers_are_those_of_the_machine_it_is_for():
    markers = target(_python("glibc-2.36", "aarch64"), "aarch64").markers
    assert markers["platform_machine"] == "aarch64"
    assert (markers["sys_platform"], markers["python_version"]) == ("linux", "3.11")
