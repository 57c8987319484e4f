"""Ways: the shortest call of a model that answers what MLflow's own call answers, to the bit.

    array    a NumPy array straight to the flavor's wrapper
    frame    a DataFrame straight to the wrapper: the gateway has checked it by the signature
    pyfunc   everything through `PyFuncModel.predict`

None is believed: a shorter way is taken where it answered a probe exactly as MLflow did, with the
same warnings. The probe is the input example, or else rows made from the signature. Whether a model
answers row by row is found out in the same manner.

Standard library only until called, Python 3.8 upwards, for restored environments.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass, replace
from typing import Any, Callable, Iterator, Sequence

from .jsonable import jsonable
from .layout import Columns, Tensor, compile_layout
from .parts import PayloadError
from .payload import decode, encode
from .probes import candidates

# Libraries whose models answer each row by itself, and take arrays in place of tables.
_BY_ROW = ("mlflow.sklearn", "mlflow.lightgbm", "mlflow.xgboost", "mlflow.catboost")
# The user's own code, and frameworks of which nobody knows that they answer by row. They may be
# asked once more what they were asked when they were logged.
_OWN = (
    *("mlflow.pyfunc.model", "mlflow.pyfunc.loaders.code_model", "mlflow.pytorch"),
    *("mlflow.tensorflow", "mlflow.keras", "mlflow.onnx", "mlflow.statsmodels", "mlflow.paddle"),
)
# scikit-learn, of arrays: what this way is about.
_NAMELESS = "X does not have valid feature names"
# BLAS adds up in another order for one row than for several.
_TOLERANCE = 1e-6

Predict = Callable[[Any], Any]


@dataclass(frozen=True)
class Way:
    """How a model is called.

    Attributes:
        name: "array", "frame" or "pyfunc".
        predict: The call.
        layout: Of plain requests; None where there are none.
        why: Why not in a shorter way, or not by row.
        by_row: Whether rows of several requests may be predicted together.
    """

    name: str
    predict: Predict
    layout: Columns | Tensor | None
    why: str = ""
    by_row: bool = False

    def read(self, payload: dict[str, Any], buffers: Sequence[Any], rows: int) -> Any:
        """What `predict` takes; None for what is not plain."""
        if self.layout is None:
            return None
        read = self.layout.matrix if self.name == "array" else self.layout.frame
        return read(payload, buffers, rows)


def find_way(model: Any, example: Any, batch: Any) -> Way:
    """The way to a loaded model.

    Args:
        model: MLflow's `PyFuncModel`.
        example: The input example, None where there is none.
        batch: Whether the model answers row by row; None: where its flavor is known to.
    """
    layout = _layout_of(model)
    if layout is None:
        return Way("pyfunc", model.predict, None, "the signature is not of plain columns")
    flavor = _flavor_of(model)
    if not batch and not _may_be_asked(flavor, layout):
        why = f"{flavor} is not asked more than it must be"
        return Way("pyfunc", model.predict, layout, why)
    probe = _find_probe(model, layout, example, flavor)
    if type(probe) is str:
        return Way("pyfunc", model.predict, layout, probe)
    way = _shortest(model, layout, probe, flavor)
    why_not = _why_not_by_row(way, probe, flavor, batch)
    why = "; ".join(filter(None, (way.why, why_not)))
    if way.name == "array":
        warnings.filterwarnings("ignore", message=_NAMELESS, category=UserWarning)
    return replace(way, why=why, by_row=not why_not)


@dataclass(frozen=True)
class _Probe:
    """Rows, as the gateway sends them, and what MLflow answers to them."""

    rows: Any
    sent: tuple[Any, Any]
    given: Any
    reference: Any


def _layout_of(model: Any) -> Columns | Tensor | None:
    schema = model.metadata.get_input_schema()
    hinted = getattr(model.metadata, "_is_signature_from_type_hint", lambda: False)()
    by_example = getattr(model.metadata, "_is_type_hint_from_example", lambda: False)()
    return None if schema is None or hinted or by_example else compile_layout(schema.to_dict())


def _flavor_of(model: Any) -> str:
    return str(model.metadata.flavors.get("python_function", {}).get("loader_module", ""))


def _may_be_asked(flavor: str, layout: Columns | Tensor) -> bool:
    """Whether to predict only to compare: own code that takes text may pay somebody for it."""
    text = isinstance(layout, Columns) and "" in layout.kinds
    return flavor in _BY_ROW or (flavor in _OWN and not text)


def _find_probe(model: Any, layout: Columns | Tensor, example: Any, flavor: str) -> Any:
    """The first rows that MLflow predicts for; why there are none, as text, otherwise."""
    why = "there is no input example to try a shorter way with"
    for rows in candidates(layout, example, known=flavor in _BY_ROW):
        given = _as_mlflow(layout, rows, model.metadata.get_input_schema())
        answered = _attempt(model.predict, given)
        if answered is not None:
            return _Probe(rows, layout.send(rows), given, answered)
        why = "the model fails on the input example"
    return why


def _as_mlflow(layout: Columns | Tensor, rows: Any, schema: Any) -> Any:
    """Rows as MLflow reads them from JSON."""
    if isinstance(layout, Tensor):
        return rows
    from mlflow.utils.proto_json_utils import dataframe_from_parsed_json

    split = {"columns": layout.names, "data": rows}
    return dataframe_from_parsed_json(split, "split", schema)


def _shortest(model: Any, layout: Columns | Tensor, probe: _Probe, flavor: str) -> Way:
    if not _may_be_asked(flavor, layout):
        return Way("pyfunc", model.predict, layout, f"{flavor} has no shorter way")
    if getattr(model.metadata, "get_params_schema", lambda: None)():
        return Way("pyfunc", model.predict, layout, "the model takes parameters")
    why = ""
    predict = model._predict_fn  # noqa: SLF001 - what PyFuncModel.predict ends in
    for way in _shorter(layout, predict, flavor):
        data = way.read(*probe.sent, len(probe.rows))
        differs = _differs(way, data, probe, model.metadata.get_input_schema())
        if differs is None:
            return replace(way, why=why)
        why = f"no {way.name}: {differs}"
    return Way("pyfunc", model.predict, layout, why)


def _shorter(layout: Columns | Tensor, predict: Predict, flavor: str) -> Iterator[Way]:
    if isinstance(layout, Tensor):
        yield Way("array", predict, layout)
        return
    if layout.uniform and flavor in _BY_ROW:
        yield Way("array", predict, layout)
    yield Way("frame", predict, layout)


def _differs(way: Way, data: Any, probe: _Probe, schema: Any) -> str | None:
    """What differs on this way from what MLflow answers; None for nothing."""
    if data is None:
        return "the probe is not plain"
    if way.name == "frame" and not _is_what_arrives(data, probe.given, schema):
        return "MLflow converts the columns"
    answered = _attempt(way.predict, data)
    if answered is None:
        return "the model fails on it, or what it answers cannot be compared"
    answer, said = answered
    reference, said_then = probe.reference
    if answer != reference:
        return "it answers otherwise"
    return None if said == said_then else "it warns otherwise"


def _is_what_arrives(frame: Any, given: Any, schema: Any) -> bool:
    """Whether `frame` is what the model gets after MLflow's check."""
    from mlflow.models.utils import _enforce_schema

    arrives = _enforce_schema(given, schema)
    same: bool = list(frame.dtypes) == list(arrives.dtypes) and frame.equals(arrives)
    return same and type(frame.index) is type(arrives.index)


def _attempt(predict: Predict, data: Any) -> Any:
    """The answer in a form that can be compared, and the warnings; None where it fails."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            answer = _comparable(predict(data))
        # Whatever the model raises here only says that this is not the way.
        except BaseException:  # noqa: BLE001
            return None
    said = {(each.category, str(each.message)) for each in caught}
    return answer, {each for each in said if not each[1].startswith(_NAMELESS)}


def _comparable(answer: Any) -> Any:
    """Type, shape and bits."""
    import numpy as np

    if type(answer) is np.ndarray:
        answer = np.ascontiguousarray(answer)
    header, buffers = encode(answer)
    return header, [bytes(buffer) for buffer in buffers]


def _why_not_by_row(way: Way, probe: _Probe, flavor: str, batch: Any) -> str:
    """Why rows of several requests are not predicted together; "" where they are."""
    if batch is False:
        return "not by row: switched off"
    if batch is None and flavor not in _BY_ROW:
        return f"not by row: {flavor} is not known to answer so"
    try:
        together = _answers(way, probe.rows)
        if len(together) != len(probe.rows):
            return f"not by row: {len(together)} answers to {len(probe.rows)} rows"
        for at, answer in enumerate(together):
            alone = _answers(way, probe.rows[at : at + 1])
            if len(alone) != 1 or not _agree(alone[0], answer):
                return "not by row: a row is answered otherwise when it is alone"
    # The model may fail on one row, or its answer may have no length.
    except BaseException as error:  # noqa: BLE001
        return f"not by row: {type(error).__name__} on the input example"
    return ""


def _answers(way: Way, rows: Any) -> Any:
    assert way.layout is not None  # noqa: S101 - where there is a probe there is a layout
    data = way.read(*way.layout.send(rows), len(rows))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        answers = jsonable(way.predict(data))
    if not isinstance(answers, (list, tuple)):
        raise PayloadError("no answer for each row")
    return answers


def _agree(one: Any, other: Any) -> bool:
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(_agree(one[key], other[key]) for key in one)
    if isinstance(one, (list, tuple)) and isinstance(other, (list, tuple)):
        return len(one) == len(other) and all(map(_agree, one, other))
    if isinstance(one, float) and isinstance(other, float):
        import math

        both = math.isnan(one) and math.isnan(other)
        return both or math.isclose(one, other, rel_tol=_TOLERANCE, abs_tol=1e-12)
    return bool(type(one) is type(other) and one == other)


def example_of(payload: Any, buffers: Sequence[Any]) -> Any:
    """The input example that a payload holds; None where there is none that can be read."""
    if not isinstance(payload, dict):
        return None
    try:
        return decode(payload, buffers)
    except PayloadError:
        return None
