from __future__ import annotations

import platform
from pathlib import Path

import pytest

from holdfast.environment.inventory import Distribution, Inventory
from holdfast.environment.plan import Plan
from holdfast.environment.python import choose_python
from holdfast.environment.sealed import compare_records
from holdfast.environment.spec import Spec
from holdfast.errors import MismatchError
from holdfast.project.installed import record_digest

SITE = "lib/python3/site-packages"
OWN = "carrier.py,sha256=abc,3\ncarrier-1.0.dist-info/RECORD,,\n"
CARRIED = "html5lib/x.py,sha256=def,4\nhtml5lib-1.1.dist-info/RECORD,,\n"


@pytest.fixture
def carrier(tmp_path):
    """A package that carries another one's dist-info, as bleach carries html5lib's."""
    files = {
        f"{SITE}/carrier/_vendor/html5lib-1.1.dist-info/RECORD": CARRIED,
        f"{SITE}/carrier-1.0.dist-info/RECORD": OWN,
    }
    for path, text in files.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text)
    return tmp_path, tuple((path, 0, 0, "") for path in files)


def test_a_packages_own_record_counts_and_none_that_it_carries(carrier, tmp_path_factory):
    root, rows = carrier
    python = choose_python(platform.python_version(), remembered=tmp_path_factory.mktemp("pythons"))
    wheel = {"kind": "wheel", "filename": "carrier-1.0-py3-none-any.whl", "pin": ""}
    one = Distribution(name="carrier", version="1.0", files=rows, **wheel)
    inventory = Inventory(
        key="", created=0, checked_ns=0, interpreter={}, site_packages=SITE, distributions=(one,),
        own=(), links={},
    )  # fmt: skip
    plan = Plan(key="", packages=(), interpreter=python)

    def compare(record: str) -> None:
        spec = Spec(pylock="", folder=Path(), python="", records={"carrier": record_digest(record)})
        compare_records(root, inventory, plan, spec)

    compare(OWN)
    with pytest.raises(MismatchError, match="not as sealed: carrier"):
        compare(OWN + CARRIED)
