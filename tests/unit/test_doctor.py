"""What the doctor says has a line in the docs."""

from __future__ import annotations

import re

from kit import REPOSITORY


def test_every_finding_is_in_the_docs():
    rooms = (REPOSITORY / "src" / "holdfast" / "doctor").glob("*.py")
    names = {name for room in rooms for name in re.findall(r'name="([a-z-]+)"', room.read_text())}
    names |= {"lock-unreadable", "lock-stale", "lock-missing", "lock-unchecked"}
    text = (REPOSITORY / "docs" / "doctor.md").read_text()
    assert names == {name for name in re.findall(r"`([a-z-]+)`", text) if name in names}
