from __future__ import annotations

from holdfast.environment.record import Claim, read_claims

SITE = "lib/python3.11/site-packages"


def _claims(*rows: str):
    return read_claims([("a-1.dist-info", "\n".join(rows))], SITE)


def test_paths_are_relative_to_the_environment():
    claims = _claims("a.py,sha256=x,3", "../../../bin/a,sha256=y,4", "a-1.dist-info/RECORD,,")
    assert claims.files == {
        f"{SITE}/a.py": [Claim("a-1.dist-info", "sha256=x", "3")],
        "bin/a": [Claim("a-1.dist-info", "sha256=y", "4")],
        f"{SITE}/a-1.dist-info/RECORD": [Claim("a-1.dist-info", "", "")],
    }
    assert claims.escaping == []


def test_paths_that_leave_are_problems_and_no_files():
    claims = _claims("../../../../x,,", "/etc/passwd,,", "b/../../../../../../x,,", "../..,,")
    assert [row.split(": ")[1] for row in claims.escaping] == [
        "../../../../x", "/etc/passwd", "b/../../../../../../x",
    ]  # fmt: skip
    assert list(claims.files) == ["lib"]


def test_two_packages_may_claim_one_file():
    claims = read_claims([("a-1.dist-info", "x.py,,"), ("b-1.dist-info", "x.py,,")], SITE)
    owners = [claim.owner for claim in claims.files[f"{SITE}/x.py"]]
    assert owners == ["a-1.dist-info", "b-1.dist-info"]


def test_odd_rows():
    claims = _claims("", "a.py", '"a,b.py",sha256=x,3', "c.py,sha256=x,3,more")
    assert set(claims.files) == {f"{SITE}/{name}" for name in ("a.py", "a,b.py", "c.py")}
