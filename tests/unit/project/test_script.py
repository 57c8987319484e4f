from __future__ import annotations

import pytest

from holdfast.errors import InputError
from holdfast.project.script import read_block, write_block

SAID = {
    "requires-python": ">=3.10",
    "dependencies": ["a>1", "b"],
    "tool": {"uv": {"sources": {"a": {"path": "../a b"}}}},
}


def test_what_is_written_is_read(tmp_path):
    path = tmp_path / "script.py"
    path.write_text(f"#!/usr/bin/env python\n{write_block(SAID)}\nprint(1)\n")
    assert read_block(path) == SAID


@pytest.mark.parametrize(
    "text",
    [
        "",
        "print('# /// script')\n",
        "# /// other\n# a = 1\n# ///\n",
        "# /// script\n# a = 1\n",
        "# /// script\na = 1\n# ///\n",
    ],
)
def test_a_script_that_says_nothing(tmp_path, text):
    (tmp_path / "script.py").write_text(text)
    assert read_block(tmp_path / "script.py") is None


def test_a_file_that_cannot_be_read_says_nothing(tmp_path):
    (tmp_path / "script.py").write_bytes(b"# /// script\n\xff\n# ///\n")
    assert read_block(tmp_path / "script.py") is None
    assert read_block(tmp_path / "gone.py") is None


def test_what_is_wrong_is_said(tmp_path):
    path = tmp_path / "script.py"
    path.write_text(f"{write_block(SAID)}\n{write_block(SAID)}")
    with pytest.raises(InputError, match="2 blocks"):
        read_block(path)
    path.write_text("# /// script\n# = 3\n# ///\n")
    with pytest.raises(InputError, match="not TOML"):
        read_block(path)
