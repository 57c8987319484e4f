"""An image with PyTorch: a library of hundreds of megabytes, of which the CPU's edition is enough.

Its wheel is on no index that all machines have: it is taken from the folder that PIP_FIND_LINKS
names, and comes, as a private package would, from an index on loopback.
"""

from __future__ import annotations

import os
import platform
from pathlib import Path

import pytest

import indexes
from containers import needs_programs
from images import answers_as_sealed

_MINOR = ".".join(platform.python_version_tuple()[:2])
_HERE = f"sys_platform == 'linux' and platform_machine == '{platform.machine()}'"
_TRAIN = """
import mlflow, numpy as np, torch

torch.manual_seed(0)
model = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.Tanh(), torch.nn.Linear(4, 1)).double()
example = np.array([[0.5, 1.5, 2.5], [1.0, 2.0, 3.0]])
mlflow.pytorch.save_model(
    model, "line", input_example=example, serialization_format="pickle"
)
"""


def _wheel() -> Path | None:
    """PyTorch's wheel for this Python's CPU, where the machine has one."""
    python = "cp" + _MINOR.replace(".", "")
    folders = os.environ.get("PIP_FIND_LINKS", "").split()
    names = f"torch-*+cpu-{python}-{python}-*_{platform.machine()}.whl"
    found = [path for folder in folders for path in Path(folder).glob(names)]
    return max(found, default=None)


@pytest.mark.slow
@pytest.mark.timeout(1800)
@needs_programs
@pytest.mark.skipif(_wheel() is None, reason="PIP_FIND_LINKS names no torch+cpu for this Python")
def test_pytorch_answers_as_sealed(new_project, workshop, tmp_path):
    wheel = _wheel()
    assert wheel is not None
    (tmp_path / "index").mkdir()
    (tmp_path / "index" / wheel.name).symlink_to(wheel)
    with indexes.serving(tmp_path / "index") as index:
        project = new_project(own=True)
        own = {"name": "own", "url": index.url, "explicit": True}
        project.pyproject(
            "mlflow-skinny", "pandas", "torch",
            tool_uv={
                "index": [own],
                "sources": {"torch": {"index": "own"}},
                "exclude-newer-package": {"torch": False},
                "environments": [_HERE],
            },
            project={"requires-python": f"=={_MINOR}.*"},
        )  # fmt: skip
        project.sync()
        project.write("train.py", _TRAIN)
        ran = project.train("train.py")
        assert ran.code == 0, ran
        answers_as_sealed(workshop.once("torch", project.folder / "line"))
