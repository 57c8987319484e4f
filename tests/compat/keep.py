"""Make a seal and keep it: `uv run python tests/compat/keep.py`, once for each released version.

A small model of a project with code of its own is logged for real. Then every address of the
package index is put under invented hosts, since the real one is nobody's business here, and the
digests follow; nothing else is touched.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent))

from addresses import INVENTED, addresses_of, readdress  # noqa: E402
from holdfast import __version__  # noqa: E402
from holdfast.uv import run_uv  # noqa: E402
from kit import REPOSITORY, UvProject, real_python  # noqa: E402

MODEL = """
import pandas
from trainer import add
from mlflow.models import set_model
from mlflow.pyfunc import PythonModel

class Adder(PythonModel):
    def predict(self, context, model_input, params=None):
        return pandas.DataFrame({"sum": add(model_input["a"], model_input["b"])})

set_model(Adder())
"""
TRAIN = """
import mlflow.pyfunc, pandas
example = pandas.DataFrame({"a": [0.1, -0.0, 3e300], "b": [0.2, 0.0, 1.0]})
mlflow.pyfunc.save_model("kept", python_model="model.py", input_example=example)
"""


def main() -> None:
    """Log the model and keep it below this folder, under the version's name."""
    target = HERE / __version__
    if target.exists():
        sys.exit(f"{target} is kept already, and is never made again")
    with tempfile.TemporaryDirectory() as scratch:
        run_uv(["build", "--wheel", "--quiet", "--out-dir", f"{scratch}/dist", str(REPOSITORY)])
        folder = Path(scratch, "project")
        project = UvProject(
            folder=folder,
            wheel=next(Path(scratch, "dist").glob("*.whl")),
            python=real_python(),
            environment=folder / ".venv",
        )
        project.write("src/trainer/__init__.py", "def add(a, b):\n    return a + b\n")
        project.write("model.py", MODEL)
        project.write("train.py", TRAIN)
        project.pyproject("mlflow-skinny", "pandas", packaged=True)
        project.sync()
        ran = project.train("train.py", HOLDFAST_HOME=f"{scratch}/home")
        if ran.code != 0:
            sys.exit(str(ran))
        model = folder / "kept"
        # Lockfiles are not kept in git; a seal need not have the project's own files.
        shutil.rmtree(model / "holdfast" / "project")
        shutil.rmtree(model / "__pycache__", ignore_errors=True)
        about = model / "MLmodel"
        about.write_text(about.read_text("utf-8").replace(str(folder), "/project"), "utf-8")
        readdress(model, dict(zip(addresses_of(model), INVENTED, strict=True)))
        shutil.copytree(model, target)
    print(f"kept {target.relative_to(REPOSITORY)}")


if __name__ == "__main__":
    main()
