from __future__ import annotations

from holdfast.image.inside.account import account_entries

ROOT = "root:x:0:0:root:/root:/bin/sh"


def _texts(passwd: str | None, group: str | None) -> dict[str, list[str]]:
    return {
        entry.path: entry.content.decode().splitlines() for entry in account_entries(passwd, group)
    }


def test_the_user_comes_after_those_of_the_base():
    made = _texts(f"{ROOT}\napp:x:1000:1000::/app:/bin/sh", "root:x:0:\n")
    assert made == {
        "etc/passwd": [
            ROOT,
            "app:x:1000:1000::/app:/bin/sh",
            "holdfast:x:65532:65532:Holdfast:/tmp:/sbin/nologin",
        ],
        "etc/group": ["root:x:0:", "holdfast:x:65532:"],
    }


def test_a_base_that_has_the_user_keeps_its_files():
    assert _texts(f"{ROOT}\nnonroot:x:65532:65532::/home:/sbin/nologin\n", "n:x:65532:\n") == {}


def test_each_file_by_itself():
    assert list(_texts(f"{ROOT}\nnonroot:x:65532:65532::/:/x\n", "root:x:0:\n")) == ["etc/group"]


def test_a_base_without_accounts_gets_root_as_well():
    made = _texts(None, None)
    assert made["etc/passwd"][0].startswith("root:x:0:0:")
    assert made["etc/group"][0] == "root:x:0:"


def test_a_name_that_is_taken_is_not_given_again():
    made = _texts("holdfast:x:7:7::/:/x\n# odd\n:::\n", "")
    assert made["etc/passwd"][-1].startswith("nonroot:x:65532:")
