"""Models that say what they were given: for what a server makes of requests.

Sealed once a run, in a project and an environment of their own.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from kit import UvProject, surroundings

CODE = '''
import mlflow
import numpy as np
import pandas as pd
import pydantic
from mlflow.types.llm import ChatCompletionResponse


class Echo(mlflow.pyfunc.PythonModel):
    """Answers its input."""

    def predict(self, context, model_input, params=None):
        return model_input


class Said(mlflow.pyfunc.PythonModel):
    """Answers the types of what it was given, and it as text."""

    def predict(self, context, model_input, params=None):
        if isinstance(model_input, pd.DataFrame):
            kinds = {str(name): str(kind) for name, kind in model_input.dtypes.items()}
            rows = model_input.to_dict("list")
        else:
            kinds, rows = str(getattr(model_input, "dtype", "")), model_input
        index = list(getattr(model_input, "index", ())) if hasattr(model_input, "dtypes") else []
        return {
            "type": type(model_input).__name__, "kinds": kinds, "rows": repr(rows)[:2000],
            "index": repr(index)[:200], "params": repr(params),
        }


class Scaled(mlflow.pyfunc.PythonModel):
    """Doubles, or what the parameters say; odd numbers from 7 have odd answers."""

    def predict(self, context, model_input, params=None):
        answer = model_input["x"] * (params or {}).get("scale", 2.0)
        return ODD[answer.iloc[0]]() if answer.iloc[0] in ODD else answer


def fail(error):
    raise error


MISSING = mlflow.protos.databricks_pb2.RESOURCE_DOES_NOT_EXIST
ODD = {
    7: lambda: fail(mlflow.exceptions.MlflowException("seven is nowhere to be found", MISSING)),
    9: lambda: fail(mlflow.exceptions.MlflowException("nine is no code")),
    11: lambda: fail(KeyError("eleven")),
    13: lambda: [1.0, float("inf")],
    15: object,
    17: lambda: pd.Series([1.0, float("nan"), float("inf")], name="odd"),
    19: lambda: {"a": np.float32(0.1), "b": np.array([1, 2]), "c": pd.Timestamp("2024-02-29")},
    21: lambda: "é\\ud800\\x00 plain text",
    23: lambda: None,
    25: lambda: [b"bytes", {1: 2, None: 3, True: 4}, (1, 2), np.bool_(True), np.str_("s")],
    27: lambda: pd.DataFrame([[1, 2.5, "x"]], columns=["a", 5, "a"]),
    29: lambda: np.array([[1.5, None], ["x", np.float32(2)]], dtype=object),
    31: lambda: 10**30,
    33: lambda: {1, 2},
    35: lambda: pd.DataFrame({"when": pd.to_datetime(["2024-02-29", None]), "n": [1, 2]}),
    37: lambda: pd.DataFrame({"a": [1, 2]}, index=["i", "j"]),
    39: lambda: np.array(["2024-02-29", "NaT"], dtype="datetime64[ns]"),
    41: lambda: pd.DataFrame({"a": pd.array([1, None], dtype="Int64")}),
    43: lambda: fail(SystemExit(3)),
}


class Person(pydantic.BaseModel):
    name: str
    age: int = 7


class People(mlflow.pyfunc.PythonModel):
    def predict(self, model_input: list[Person]) -> list[str]:
        return [f"{person.name!r} {person.age!r}" for person in model_input]


class Words(mlflow.pyfunc.PythonModel):
    def predict(self, model_input: list[str]) -> list[str]:
        return [f"{type(word).__name__} {word}" for word in model_input]


class Chat(mlflow.pyfunc.ChatModel):
    def predict(self, context, messages, params):
        said = " ".join(f"{message.role}: {message.content}" for message in messages)
        choice = {"index": 0, "message": {"role": "assistant", "content": said + repr(params)}}
        return ChatCompletionResponse.from_dict({
            "choices": [{**choice, "finish_reason": "stop"}], "id": "1", "created": 7,
            "model": "chat", "object": "chat.completion",
            "usage": {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3},
        })
'''
TRAIN = """
import sys
from pathlib import Path

import mlflow
import numpy as np
import pandas as pd
from mlflow.models import ModelSignature, infer_signature
from mlflow.types import ColSpec, ParamSchema, ParamSpec, Schema, TensorSpec

from further.models import Chat, Echo, People, Said, Scaled, Words

out = Path(sys.argv[1])


def save(name, model, inputs=None, params=None, **more):
    signature = None if inputs is None else ModelSignature(Schema(inputs), params=params)
    mlflow.pyfunc.save_model(out / name, python_model=model, signature=signature, **more)


kinds = ("boolean", "integer", "long", "float", "double", "string")
plain = pd.DataFrame({
    "boolean": [True], "integer": np.array([1], "int32"), "long": [2],
    "float": np.array([0.5], "float32"), "double": [0.25], "string": ["x"],
})
columns = [ColSpec(kind, kind) for kind in kinds]
save("kinds", Said(), columns, input_example=plain)
save("echo", Echo(), columns, input_example=plain)
optional = [
    ColSpec("double", "a"), ColSpec("double", "b", required=False),
    ColSpec("string", "c", required=False), ColSpec("long", "d", required=False),
]
save("optional", Said(), optional)
save("moments", Said(), [ColSpec("datetime", "at"), ColSpec("long", "n"), ColSpec("binary", "raw")])
params = ParamSchema([
    ParamSpec("scale", "double", 2.0), ParamSpec("words", "string", ["a"], shape=(-1,)),
])
save("params", Scaled(), [ColSpec("double", "x")], params)
save("free", Said())
save("nameless", Said(), [ColSpec("double"), ColSpec("long")])
save("people", People())
save("words", Words())
save("chat", Chat())
for kind in ("float32", "int64", "bool", "uint8"):
    spec = TensorSpec(np.dtype(kind), (-1, 2))
    save(f"tensor-{kind}", Said(), [spec], input_example=np.array([[0, 1]], kind))
named = [TensorSpec(np.dtype("float64"), (-1, 2), "a"), TensorSpec(np.dtype("int64"), (-1,), "b")]
save("tensors", Said(), named)
nested = pd.DataFrame([{"tags": ["a"], "info": {"n": 1, "deep": [1.5]}, "one": 1.0}])
save("nested", Said(), infer_signature(nested).inputs.inputs)
"""
MODELS = (
    *("kinds", "echo", "optional", "moments", "params", "free", "nameless", "people", "words"),
    *("chat", "tensor-float32", "tensor-int64", "tensor-bool", "tensor-uint8", "tensors", "nested"),
)


def make_further(project: UvProject, folder: Path) -> None:
    """Seal them into `folder`/models, and restore their environment into `folder`/home."""
    project.environment = folder / "venv"
    project.pyproject("mlflow", "pandas", packaged=True, project={"name": "further"})
    project.write("src/further/__init__.py", "")
    project.write("src/further/models.py", CODE)
    project.write("train.py", TRAIN)
    project.sync()
    ran = project.train("train.py", folder / "models")
    assert ran.code == 0, ran
    env = surroundings(HOLDFAST_HOME=str(folder / "home"))
    command = [sys.executable, "-m", "holdfast", "restore", "-q", str(folder / "models/free")]
    subprocess.run(command, env=env, check=True, capture_output=True)
