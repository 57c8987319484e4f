"""MLflow's files say the same, and name an index only where stock tools have to ask it."""

from __future__ import annotations

import sys

import pytest
import yaml

from holdfast.capture.material import Material
from holdfast.capture.mlflow_files import write_from_lock
from holdfast.project.settings import Settings
from holdfast.seal.seal import SealedIndex

PUBLIC, CORP = "https://index.example/simple", "https://corp.example/simple"


def package(name, index):
    wheel = f"https://files.example/{name}-1.0-py3-none-any.whl"
    return {
        "name": name,
        "version": "1.0",
        "index": index,
        "wheels": [{"url": wheel, "hashes": {"sha256": "a"}}],
    }


def index(url, **more):
    said = {"name": "", "explicit": False, "default": False} | more
    return SealedIndex(url=url, **said)


def written(folder, packages, *indexes):
    material = Material(settings=Settings(), indexes=indexes)
    write_from_lock(folder, {"packages": packages}, material)
    lines = (folder / "requirements.txt").read_text().replace(" \\\n   ", "").splitlines()
    conda = yaml.safe_load((folder / "conda.yaml").read_text())
    assert conda["dependencies"][2]["pip"] == lines
    python = sys.version.split()[0]
    assert conda["dependencies"][0] == f"python={python}"
    assert yaml.safe_load((folder / "python_env.yaml").read_text())["python"] == python
    return lines


def test_an_index_that_nobody_declared_is_the_receivers_own(tmp_path):
    packages = [package("a", PUBLIC), package("b", PUBLIC)]
    assert written(tmp_path, packages) == ["a==1.0 --hash=sha256:a", "b==1.0 --hash=sha256:a"]


def test_a_declared_default_is_named(tmp_path):
    packages = [package("a", CORP), package("b", CORP)]
    assert written(tmp_path, packages, index(CORP, default=True)) == [
        f"--extra-index-url {CORP}",
        "a==1.0 --hash=sha256:a",
        "b==1.0 --hash=sha256:a",
    ]


@pytest.mark.parametrize("declared", [True, False])
def test_another_index_is_not_asked_at_all(tmp_path, declared):
    packages = [package("a", PUBLIC), package("b", PUBLIC), package("c", CORP)]
    indexes = [index(CORP)] if declared else []
    assert written(tmp_path, packages, *indexes) == [
        "a==1.0 --hash=sha256:a",
        "b==1.0 --hash=sha256:a",
        "c @ https://files.example/c-1.0-py3-none-any.whl#sha256=a",
    ]
