"""The AceBet example, by its README's one command: trained, sealed, verified, served, imaged."""

from __future__ import annotations

import json
import re

import pytest

from acebet import EXAMPLE, SEASONS
from holdfast.model import open_model

MODEL = "models:/acebet@champion"


def test_the_readme_names_the_command():
    assert "bash everything.sh --data DIR" in (EXAMPLE / "README.md").read_text()


def test_its_figures_are_printed(acebet):
    assert f"Season {SEASONS[-1]}, of which training saw nothing" in acebet.said
    rows = dict(
        re.findall(r"^(rank rule|plain Elo|model) +(0\.\d+ .*)$", acebet.said, re.MULTILINE)
    )
    figures = {name: [float(value) for value in row.split()] for name, row in rows.items()}
    accuracy, log_loss, *_ = zip(
        *(figures[name] for name in ("model", "rank rule", "plain Elo")), strict=True
    )
    assert accuracy[0] > max(accuracy[1:])
    assert log_loss[0] < min(log_loss[1:])
    assert "version 1 is now the champion" in acebet.said


def test_it_is_sealed_as_locked(acebet, monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{acebet.folder / 'mlflow.db'}")
    seal = open_model(MODEL).seal
    assert (seal.grade.value, seal.reasons) == ("locked", ())
    assert [wheel.name for wheel in seal.wheels] == ["acebet"]


def test_only_what_it_needs_is_sealed(acebet, monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{acebet.folder / 'mlflow.db'}")
    lock = (open_model(MODEL).path / "pylock.toml").read_text()
    names = set(re.findall(r'^name = "(.*)"', lock, re.MULTILINE))
    assert {"lightgbm", "mlflow-skinny", "pandas"} <= names
    assert not names & {"matplotlib", "mlflow", "pwdlib", "pyarrow", "pytest"}


def test_it_verifies(acebet, tmp_path):
    receipt = acebet.holdfast(tmp_path).receipt(MODEL)
    assert receipt["matches"], receipt
    assert "identical to the bit" in receipt["checks"][-1]["summary"]


def test_it_answered_when_it_was_served(acebet):
    (line,) = (line for line in acebet.said.splitlines() if line.startswith('{"predictions"'))
    (answer,) = json.loads(line)["predictions"]
    assert 0 < answer["probability"] < 1
    assert {name for name in answer if name.startswith("because_")} >= {"because_elo"}


def test_its_image_was_made(acebet):
    assert (acebet.folder / "acebet.oci").stat().st_size > 1_000_000


def test_its_evaluation_prints_json(acebet):
    ran = acebet.uv("run", "--no-sync", "acebet", "evaluate", "--data", acebet.data, "--json")
    assert ran.code == 0, ran
    figures = json.loads(ran.out)["figures"]
    assert figures["model"]["accuracy"] > figures["rank rule"]["accuracy"]


@pytest.mark.slow
def test_its_own_tests_pass(acebet):
    ran = acebet.uv("run", "--no-sync", "pytest", "-q", "tests")
    assert ran.code == 0, ran
