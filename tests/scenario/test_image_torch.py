"""An image with PyTorch, a library of hundreds of megabytes: the CPU's edition is enough."""

from __future__ import annotations

import pytest

from containers import needs_programs
from images import answers_as_sealed
from torch_wheel import HERE, MINOR, cpu_index, cpu_wheel

_TRAIN = """
import mlflow, numpy as np, torch

torch.manual_seed(0)
model = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.Tanh(), torch.nn.Linear(4, 1)).double()
example = np.array([[0.5, 1.5, 2.5], [1.0, 2.0, 3.0]])
mlflow.pytorch.save_model(
    model, "line", input_example=example, serialization_format="pickle"
)
"""


@pytest.mark.slow
@pytest.mark.timeout(1800)
@needs_programs
@pytest.mark.skipif(cpu_wheel() is None, reason="PIP_FIND_LINKS names no torch+cpu for this Python")
def test_pytorch_answers_as_sealed(new_project, workshop, tmp_path):
    with cpu_index(tmp_path / "index") as url:
        project = new_project(own=True)
        own = {"name": "own", "url": url, "explicit": True}
        project.pyproject(
            "mlflow-skinny", "pandas", "torch",
            tool_uv={
                "index": [own],
                "sources": {"torch": {"index": "own"}},
                "exclude-newer-package": {"torch": False},
                "environments": [HERE],
            },
            project={"requires-python": f"=={MINOR}.*"},
        )  # fmt: skip
        project.sync()
        project.write("train.py", _TRAIN)
        ran = project.train("train.py")
        assert ran.code == 0, ran
        answers_as_sealed(workshop.once("torch", project.folder / "line"))
