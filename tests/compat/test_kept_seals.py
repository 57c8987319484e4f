"""Seals that released versions have made: they verify for ever."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from addresses import INVENTED, addresses_of, readdress
from holdfast.lock.pylock import loads
from holdfast.model import open_model
from holdfast.seal.agreement import compare
from holdfast.seal.golden import GOLDEN_FILE, Golden
from holdfast.uv import run_uv
from kit import real_python

KEPT = sorted(path for path in Path(__file__).parent.iterdir() if (path / "MLmodel").is_file())


@pytest.fixture(params=KEPT, ids=lambda path: path.name)
def kept(request) -> Path:
    return request.param


def test_a_kept_seal_is_read_and_matches_its_files(kept):
    model = open_model(kept)
    assert model.compare_files().matches
    assert model.seal.grade == "locked"
    assert [wheel.name for wheel in model.seal.wheels] == ["trainer"]
    lock = loads((kept / "pylock.toml").read_text(encoding="utf-8"))
    assert {"mlflow-skinny", "pandas", "trainer"} <= {package.name for package in lock.packages}


def test_its_golden_predictions_are_read(kept):
    golden = Golden.from_json((kept / GOLDEN_FILE).read_bytes())
    assert compare(golden.answer, golden.answer).identical
    assert not compare(golden.answer, golden.given).same_shape


def test_it_comes_back_and_verifies(kept, tmp_path, holdfast):
    model = tmp_path / "model"
    shutil.copytree(kept, model)
    readdress(model, dict(zip(INVENTED, real_addresses(tmp_path), strict=True)))
    ran = holdfast("verify", model)
    assert ran.code == 0, ran


def real_addresses(tmp_path: Path) -> tuple[str, str]:
    """Where this machine's index has its pages and its files: a lock of today says."""
    project = tmp_path / "today"
    project.mkdir()
    (project / "pyproject.toml").write_text(
        '[project]\nname = "today"\nversion = "1"\nrequires-python = ">=3.10"\n'
        'dependencies = ["six"]\n',
        encoding="utf-8",
    )
    export = ["export", "--quiet", "--format", "pylock.toml", "--output-file", "pylock.toml"]
    run_uv([*export, "--python", real_python()], cwd=project)
    return addresses_of(project)
