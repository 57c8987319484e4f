"""Whatever a lock says, its text says to any reader of TOML."""

from __future__ import annotations

from datetime import timezone

import tomli
from hypothesis import given
from hypothesis import strategies as st

from holdfast.lock.text import write_lock

# TOML has no surrogates; everything else may stand in a string.
texts = st.text(st.characters(exclude_categories=["Cs"]))
scalars = st.one_of(
    texts,
    st.booleans(),
    st.integers(-(2**63), 2**63 - 1),
    st.floats(allow_nan=False, allow_infinity=False),
    st.datetimes(timezones=st.just(timezone.utc)),
)
values = st.recursive(
    scalars, lambda inner: st.lists(inner) | st.dictionaries(texts, inner), max_leaves=12
)
tables = st.dictionaries(texts, values, max_size=4)


@given(tables, st.lists(tables, max_size=4))
def test_a_lock_is_read_back_as_it_was(own, packages):
    lock = {**own, "packages": packages}
    assert tomli.loads(write_lock(lock)) == lock
