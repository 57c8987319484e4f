"""The documents name what is there."""

from __future__ import annotations

import re

from kit import REPOSITORY


def test_every_test_that_the_threats_name_is_there():
    named = set(re.findall(r"`(test_\w+)`", (REPOSITORY / "docs" / "threats.md").read_text()))
    there = {
        name
        for path in (REPOSITORY / "tests").rglob("test_*.py")
        for name in re.findall(r"^def (test_\w+)", path.read_text(), re.MULTILINE)
    }
    assert len(named) > 30
    assert named <= there, named - there
