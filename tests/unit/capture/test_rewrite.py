from __future__ import annotations

from zipfile import ZipFile

from holdfast.capture.rewrite import take_out_credentials
from holdfast.environment.archive import check_wheel
from indexes import make_wheel


def metadata(wheel):
    with ZipFile(wheel) as archive:
        return archive.read("mine-1.0.dist-info/METADATA").decode()


def test_a_token_in_a_requirement_goes_and_the_wheel_is_whole(tmp_path):
    asks = ["lib @ git+https://ada:s3cret@host.invalid/lib@v1"]
    wheel = make_wheel(tmp_path, {"mine/__init__.py": ""}, requires=asks)
    take_out_credentials(wheel)
    assert "Requires-Dist: lib @ git+https://host.invalid/lib@v1\n" in metadata(wheel)
    check_wheel(wheel)
    assert [path.name for path in tmp_path.iterdir()] == [wheel.name]


def test_a_wheel_without_stays_as_it_is(tmp_path):
    wheel = make_wheel(
        tmp_path, {"mine/__init__.py": ""}, requires=["lib @ https://host.invalid/l"]
    )
    before = wheel.read_bytes()
    take_out_credentials(wheel)
    assert wheel.read_bytes() == before
