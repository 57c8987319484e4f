from __future__ import annotations

import json

from holdfast.project.conda import CondaPackage, conda_packages


def test_what_conda_has_put_there(tmp_path):
    meta = tmp_path / "conda-meta"
    meta.mkdir()
    for name, files in (
        ("python", []),
        ("openssl", ["lib/libssl.so"]),
        ("six", ["lib/python3.11/site-packages/six-1.0.dist-info/METADATA"]),
        ("old", ["Lib/site-packages/old-1.0-py3.11.egg-info/PKG-INFO"]),
    ):
        about = {"name": name, "version": "1.0", "files": files}
        (meta / f"{name}-1.0-0.json").write_text(json.dumps(about))
    (meta / "broken.json").write_text("{")
    (meta / "odd.json").write_text("[]")
    (meta / "history").write_text("")
    assert conda_packages(tmp_path) == (
        CondaPackage(name="old", version="1.0", distribution=True),
        CondaPackage(name="openssl", version="1.0", distribution=False),
        CondaPackage(name="six", version="1.0", distribution=True),
    )


def test_an_environment_that_is_not_condas(tmp_path):
    assert conda_packages(tmp_path) == ()
