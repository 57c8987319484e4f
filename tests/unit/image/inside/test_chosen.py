"""What was chosen of a lock is kept, and is the same when it is taken."""

from __future__ import annotations

from pathlib import Path

import pytest
from packaging.tags import Tag

from holdfast.environment.plan import choose
from holdfast.errors import LockError
from holdfast.image.inside.chosen import choose_kept
from holdfast.lock.target import Target

LOCK = """\
lock-version = "1.0"
created-by = "test"
[[packages]]
name = "both"
version = "1.0"
index = "https://index.example/simple"
wheels = [
  { name = "both-1.0-cp311-cp311-linux_x86_64.whl", url = "https://index.example/both-1.0-cp311-cp311-linux_x86_64.whl", size = 7, hashes = { sha256 = "aa" } },
  { name = "both-1.0-cp311-cp311-linux_aarch64.whl", url = "https://index.example/both-1.0-cp311-cp311-linux_aarch64.whl", hashes = { sha256 = "bb" } },
]
[[packages]]
name = "own"
version = "0.1"
wheels = [{ name = "own-0.1-py3-none-any.whl", path = "holdfast/wheels/own-0.1-py3-none-any.whl", hashes = { sha256 = "cc" } }]
[[packages]]
name = "there"
version = "2.0"
marker = "platform_machine == 'aarch64'"
wheels = [{ name = "there-2.0-py3-none-any.whl", url = "https://index.example/there-2.0-py3-none-any.whl", hashes = { sha256 = "dd" } }]
"""  # noqa: E501


def target(machine: str) -> Target:
    return Target(
        implementation="cpython",
        version="3.11.7",
        abi=f"cpython-311-{machine}-linux-gnu",
        libc="glibc-2.36",
        markers={"platform_machine": machine, "python_full_version": "3.11.7"},
        tags=(Tag("cp311", "cp311", f"linux_{machine}"), Tag("py3", "none", "any")),
    )


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch) -> Path:
    monkeypatch.setenv("HOLDFAST_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


@pytest.mark.parametrize("machine", ["x86_64", "aarch64"])
@pytest.mark.parametrize("only", [None, frozenset({"both"})])
def test_the_same_as_asking_again(machine, only):
    first = choose_kept(LOCK, target(machine), only)
    assert first == choose(LOCK, target(machine), only)
    assert choose_kept(LOCK, target(machine), only) == first


def test_another_target_lock_or_part_is_another_choice(home):
    names = [
        [one.chosen.filename for one in choose_kept(lock, target(machine), only)]
        for lock in (LOCK, LOCK.replace("both-1.0-", "both-1.0-1-"))
        for machine in ("x86_64", "aarch64")
        for only in (None, frozenset({"both"}))
    ]
    assert len({tuple(one) for one in names}) == 8
    assert len(list((home / "chosen").iterdir())) == 8


def test_what_cannot_be_read_is_said_and_not_kept(home):
    with pytest.raises(LockError, match="cannot be read"):
        choose_kept("lock-version = ", target("x86_64"))
    assert not (home / "chosen").exists()
