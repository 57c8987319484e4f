"""A flipped bit in any installed file is found and named."""

from __future__ import annotations

import os
import platform
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from holdfast.environment.inspection import inspect_environment
from holdfast.environment.record import read_claims
from holdfast.environment.spec import Spec
from holdfast.environment.store import Environment, Store
from holdfast.uv import run_uv

_QUICK = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Environment:
    folder = tmp_path_factory.mktemp("bytes")
    version = platform.python_version()
    (folder / "pyproject.toml").write_text(
        '[project]\nname = "p"\nversion = "0"\nrequires-python = ">=3.10"\n'
        'dependencies = ["six", "idna", "click"]\n'
    )
    run_uv(["lock", "--quiet", "--python", version], cwd=folder)
    lock = run_uv(["export", "--quiet", "--no-emit-project", "--format", "pylock.toml"], cwd=folder)
    before = os.environ.get("UV_LINK_MODE")
    # Copies: what is flipped here must not be flipped in the machine's cache.
    os.environ["UV_LINK_MODE"] = "copy"
    try:
        spec = Spec(pylock=lock, folder=folder, python=version)
        return Store.open(folder / "home").restore(spec)
    finally:
        os.environ.pop("UV_LINK_MODE")
        if before is not None:
            os.environ["UV_LINK_MODE"] = before


@_QUICK
@given(data=st.data())
def test_any_flipped_bit_is_named(environment: Environment, data: st.DataObject) -> None:
    inventory = environment.inventory()
    rows = [*inventory.own, *(row for one in inventory.distributions for row in one.files)]
    path, size, mtime_ns, _ = data.draw(st.sampled_from([row for row in rows if row[1]]))
    place = data.draw(st.integers(0, size - 1))
    bit = 1 << data.draw(st.integers(0, 7))
    file = environment.path / path
    assert file.stat().st_nlink == 1
    honest = file.read_bytes()
    try:
        file.write_bytes(honest[:place] + bytes([honest[place] ^ bit]) + honest[place + 1 :])
        os.utime(file, ns=(mtime_ns, mtime_ns))
        seen = inspect_environment(environment.path, inventory)
        assert path in [one.path for one in seen.changed]
    finally:
        file.write_bytes(honest)
    assert not inspect_environment(environment.path, inventory).paths


@_QUICK
@given(
    rows=st.lists(
        st.tuples(
            st.one_of(
                st.text(max_size=20), st.from_regex(r"(\.\./|a/|/|\./)*[ab]?", fullmatch=True)
            ),
            st.text(max_size=8),
            st.text(max_size=4),
        )
    )
)
def test_no_record_names_a_file_outside(rows: list[tuple[str, str, str]]) -> None:
    text = "\n".join(",".join(row) for row in rows)
    claims = read_claims([("a-1.dist-info", text)], "lib/python3.11/site-packages")
    root = Path("/environment")
    for path in claims.files:
        inside = Path(os.path.normpath(root / path))
        assert inside == root or root in inside.parents
