"""`mlflow.pyfunc.spark_udf` on a sealed model: with MLflow's own environment managers, as ever."""

from __future__ import annotations

from pathlib import Path

import pytest

from holdfast.uv import run_uv, uv_program
from kit import made_once, real_python, run, surroundings

pytestmark = pytest.mark.slow

# pyenv would download and compile a CPython; this hook of it links the one at hand.
HOOK = """before_install '
  mkdir -p "$(dirname "$PREFIX")"; ln -s "$AT_HAND/$(basename "$PREFIX")" "$PREFIX"; exit 0
'
"""

JOB = """
import sys

import mlflow
from pyspark.sql import SparkSession

spark = SparkSession.builder.master("local[1]").config("spark.ui.enabled", "false").getOrCreate()
udf = mlflow.pyfunc.spark_udf(
    spark, sys.argv[1], env_manager=sys.argv[2], result_type="double"
)
rows = spark.range(0, 100, 1, 1).selectExpr("id", "id / 8 as x")
answers = rows.select("id", udf("x").alias("answer")).collect()
assert len(answers) == 100
assert all(row.answer == row.id / 4 for row in answers), answers
"""


@pytest.fixture(scope="module")
def stock(slow_model, tmp_path_factory):
    """Stock MLflow and Spark, without Holdfast, and the model's packages for `local`."""

    def make(folder: Path) -> None:
        run_uv(["venv", "--quiet", "--python", real_python("3.12"), str(folder / "venv")])
        install = ["pip", "install", "--quiet", "--python", str(folder / "venv" / "bin" / "python")]
        run_uv([*install, "-r", "requirements.txt"], cwd=slow_model)
        run_uv([*install, "pyspark[sql]", "mlflow", "virtualenv"])

    return made_once(tmp_path_factory.getbasetemp(), "stock-spark", make) / "venv"


@pytest.mark.parametrize("manager", ["local", "uv", "virtualenv"])
def test_it_answers_as_the_model_did(stock, slow_model, tmp_path, manager):
    hook = tmp_path / "hooks" / "install" / "at-hand.bash"
    hook.parent.mkdir(parents=True)
    hook.write_text(HOOK)
    (tmp_path / "job.py").write_text(JOB)
    python = Path(real_python("3.12"))
    env = surroundings(
        SPARK_LOCAL_IP="127.0.0.1",
        PYSPARK_PYTHON=str(stock / "bin" / "python"),
        PYENV_HOOK_PATH=str(hook.parents[1]),
        AT_HAND=str(python.parents[2]),
    )
    programs = (python.parent, stock / "bin", uv_program().parent, env["PATH"])
    env["PATH"] = ":".join(map(str, programs))
    command = [str(stock / "bin" / "python"), "job.py", str(slow_model), manager]
    ran = run(command, cwd=tmp_path, env=env, timeout=500)
    assert ran.code == 0, ran
