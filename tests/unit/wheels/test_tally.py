"""How far the downloads are, in a line."""

from __future__ import annotations

import re

from holdfast.wheels.tally import Tally


def test_bytes_of_bytes_and_a_rate():
    tally = Tally(2)
    tally.expect("mine", 2000)
    tally.add("mine", 500)
    assert re.fullmatch(
        r"fetching wheels: 0 of 2, 500 B of 2 kB, [0-9.e+]+ [kMG]?B/s", str(tally)
    ), str(tally)
    tally.add("mine", 1500)
    tally.expect("yours", 0)  # nobody says how long it is
    tally.finish()
    assert str(tally) == "checking wheels: 1 of 2"


def test_what_is_gone_on_with_is_counted_once():
    tally = Tally(1)
    tally.expect("mine", 2000)
    tally.add("mine", 500)
    tally.expect("mine", 1500)  # after a cut
    assert "500 B of 2 kB" in str(tally)
