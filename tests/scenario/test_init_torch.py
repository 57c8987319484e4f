"""`holdfast init --template torch`: a network is trained, sealed and served, on the CPU."""

from __future__ import annotations

import json

import pytest
import tomli
from sklearn.datasets import load_digits

from templates import check_model, generate, in_project, run_ci, serve_as_in_its_image
from torch_wheel import cpu_index, cpu_wheel

CHAMPION = "models:/digits@champion"
DIGITS = load_digits()
ADDRESS = "https://index.example/whl/cpu"


def test_what_the_comment_says_is_what_the_answer_writes(holdfast, holdfast_wheel, tmp_path):
    def pyproject(name, **answers):
        folder = tmp_path / name / "digits"
        return (
            generate(holdfast, holdfast_wheel, "torch", folder, **answers).folder / "pyproject.toml"
        )

    answered = tomli.loads(pyproject("answered", torch_index=ADDRESS).read_text())
    commented = pyproject("commented").read_text()
    assert tomli.loads(commented) != answered

    code = ("# [", "# name", "# url", "# explicit", "# index")
    lines = [
        line.removeprefix("# ") if line.startswith(code) else line
        for line in commented.splitlines()
    ]
    followed = tomli.loads("\n".join(lines))
    followed["tool"]["uv"]["exclude-newer-package"]["torch"] = False
    assert followed == answered
    assert answered["tool"]["uv"]["sources"]["torch"] == {"index": "pytorch"}


@pytest.mark.slow  # torch, three times
@pytest.mark.timeout(1800)
@pytest.mark.skipif(cpu_wheel() is None, reason="PIP_FIND_LINKS names no torch+cpu for this Python")
def test_a_network_is_trained_sealed_and_served(holdfast, holdfast_wheel, tmp_path):
    with cpu_index(tmp_path / "index") as address:
        folder = tmp_path / "digits"
        project = generate(holdfast, holdfast_wheel, "torch", folder, torch_index=address)
        done = run_ci(project)
        assert (
            "matches its seal (locked" in done[f"uv run --no-sync holdfast verify {CHAMPION}"].out
        )
        check_model(project, holdfast, CHAMPION)
        models = {"MLFLOW_TRACKING_URI": f"sqlite:///{folder / 'mlflow.db'}"}
        seal = json.loads(holdfast("show", CHAMPION, "--json", **models).out)
        assert "torch" in seal["distributions"]
        assert not seal["distributions"].keys() & {"mlflow", "scikit-learn", "pytest"}

        # What has learnt less does not take the champion's place.
        again = in_project(project, "uv run --no-sync train --epochs 1 --device cpu")
        assert "version 1 stays champion" in again.out
        with serve_as_in_its_image(project, tmp_path / "app", **models) as post:
            answers = post("/predict", DIGITS.images[:20].tolist()).json()
        read = [answer["digit"] for answer in answers]
        assert sum(map(int.__eq__, read, DIGITS.target[:20].tolist())) >= 18
        assert sum(answers[0]["probabilities"]) == pytest.approx(1)
