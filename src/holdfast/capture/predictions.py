"""Golden predictions at log time: load what was saved, and predict the input example, twice.

This happens in the training process, as MLflow's own check of an input example does: the project's
code is there, and the model's packages are imported already.
"""

from __future__ import annotations

import copy
import os
import sys
import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from holdfast.project.settings import Settings
from holdfast.redact import redact_said
from holdfast.seal.golden import Golden, Payload
from holdfast.worker.payload import encode


@dataclass(frozen=True, slots=True, kw_only=True)
class Prediction:
    """What came of it; `golden` is None where `reason` says why."""

    golden: Golden | None
    rows: int = 0
    repeatable: bool = False
    reason: str = ""


def predict_example(folder: Path, settings: Settings) -> Prediction:
    """Predict the input example of the model in `folder`, twice, within the settings' limits.

    Never raises: a model without an input example, or one that cannot predict it, is a model all
    the same.
    """
    box: list[Prediction] = []

    def work() -> None:
        try:
            box.append(_predict(folder, settings))
        except Exception as error:  # noqa: BLE001 - the model's own code runs here
            said = redact_said(str(error), os.environ).strip().splitlines()[:1]
            box.append(_none(f"the input example could not be predicted: {' '.join(said)}"))

    thread = threading.Thread(target=work, name="holdfast-golden", daemon=True)
    thread.start()
    thread.join(settings.golden_seconds)
    return box[0] if box else _none(f"predicting took more than {settings.golden_seconds} s")


def _predict(folder: Path, settings: Settings) -> Prediction:
    from mlflow.models import Model

    about = Model.load(str(folder))
    if "python_function" not in about.flavors:
        return _none("the model has no python_function flavor")
    if about.saved_input_example_info is None:
        return _none("the model was logged without an input example")
    example, rows = _first_rows(about.load_input_example(str(folder)), settings.golden_rows)
    given = _payload(example)
    if given.size > settings.golden_bytes:
        return _none(f"the input example has {given.size} bytes, more than golden-bytes")
    params = about.load_input_example_params(str(folder))
    answer, again = _answers(folder, example, params)
    if answer.size > settings.golden_bytes:
        return _none(f"the answer has {answer.size} bytes, more than golden-bytes")
    repeatable = answer == again
    return Prediction(
        golden=Golden(given=given, answer=answer, params=params),
        rows=rows,
        repeatable=repeatable,
        reason="" if repeatable else "two predictions of one input differed",
    )


def _answers(folder: Path, example: Any, params: Any) -> tuple[Payload, Payload]:
    import mlflow.pyfunc

    with warnings.catch_warnings(), _same_search_path(folder):
        warnings.simplefilter("ignore")
        model = mlflow.pyfunc.load_model(str(folder))
        predict: Callable[[Any], Any] = (
            model.predict if params is None else lambda given: model.predict(given, params=params)
        )
        return _payload(predict(_copy(example))), _payload(predict(_copy(example)))


@contextmanager
def _same_search_path(folder: Path) -> Iterator[None]:
    """MLflow puts a model's code on `sys.path`, where it would shadow the project's own."""
    before, ours = sys.path, folder.absolute()
    try:
        yield
    finally:
        after = [entry for entry in sys.path if not Path(entry).is_relative_to(ours)]
        sys.path = before if before == after else after


def _first_rows(example: Any, most: int) -> tuple[Any, int]:
    """At most `most` rows of whatever has rows."""
    if hasattr(example, "iloc"):
        return example.iloc[:most], min(len(example), most)
    if hasattr(example, "shape") and example.shape:
        return example[:most], min(len(example), most)
    if isinstance(example, list):
        return example[:most], min(len(example), most)
    return example, 1


def _copy(example: Any) -> Any:
    """A model may write into what it is given."""
    return copy.deepcopy(example)


def _payload(value: Any) -> Payload:
    header, buffers = encode(value)
    return Payload(header=header, buffers=tuple(bytes(buffer) for buffer in buffers))


def _none(reason: str) -> Prediction:
    return Prediction(golden=None, reason=reason)
