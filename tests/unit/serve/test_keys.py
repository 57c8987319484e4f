"""Keys are read from a private file only, compared whole, and read again when it changes."""

from __future__ import annotations

from pathlib import Path

import pytest

from holdfast.errors import InputError
from holdfast.serve.door import keys as module
from holdfast.serve.door.keys import Keys

ONE, TWO = "k" * 20, "another-key-of-ours"


def write(path: Path, text: str, mode: int = 0o600) -> Path:
    path.write_text(text, encoding="utf-8")
    path.chmod(mode)
    return path


def test_a_key_a_line_and_comments(tmp_path: Path):
    file = write(tmp_path / "keys", f"# of the team\n\n  {ONE}  \r\n{TWO}\n")
    keys = Keys(file, print)
    assert keys.know(ONE.encode())
    assert keys.know(TWO.encode())
    for wrong in (
        b"",
        b"# of the team",
        ONE[:-1].encode(),
        ONE.encode() + b"k",
        ONE.upper().encode(),
    ):
        assert not keys.know(wrong)


def test_no_key_is_kept_as_it_is(tmp_path: Path):
    keys = Keys(write(tmp_path / "keys", ONE), print)
    assert ONE not in repr(vars(keys))


@pytest.mark.parametrize("mode", [0o644, 0o602, 0o620])
def test_a_file_that_others_may_read_or_write_is_refused(tmp_path: Path, mode: int):
    file = write(tmp_path / "keys", ONE, mode)
    with pytest.raises(InputError) as error:
        Keys(file, print)
    assert "others" in error.value.message
    assert "chmod 600" in str(error.value.hint)


def test_a_group_may_read_it_as_in_a_cluster(tmp_path: Path):
    assert Keys(write(tmp_path / "keys", ONE, 0o440), print).know(ONE.encode())


@pytest.mark.parametrize(
    "text", ["", "# nothing\n", "short\n", f"{ONE} two\n", "schlüssel-schlüssel\n"]
)
def test_what_is_no_file_of_keys_is_refused(tmp_path: Path, text: str):
    file = write(tmp_path / "keys", text)
    with pytest.raises(InputError) as error:
        Keys(file, print)
    assert "schl" not in str(error.value)
    assert ONE not in str(error.value)


def test_a_file_that_is_not_there_is_refused(tmp_path: Path):
    with pytest.raises(InputError):
        Keys(tmp_path / "none", print)


def test_another_file_counts_from_the_next_look_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(module, "_LOOK", 0)
    said: list[str] = []
    file = write(tmp_path / "keys", ONE)
    keys = Keys(file, said.append)
    assert keys.know(ONE.encode())
    write(tmp_path / "new", TWO).replace(file)
    assert not keys.know(ONE.encode())
    assert keys.know(TWO.encode())
    assert len(said) == 1
    assert TWO not in said[0]


def test_keys_stay_where_the_file_cannot_be_read_any_more(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(module, "_LOOK", 0)
    said: list[str] = []
    file = write(tmp_path / "keys", ONE)
    keys = Keys(file, said.append)
    file.unlink()
    assert keys.know(ONE.encode())
    assert keys.know(ONE.encode())
    # Said once, not with each request.
    assert len(said) == 1
    assert "stay as they were" in said[0]
