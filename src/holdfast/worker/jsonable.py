"""Answers as JSON, as MLflow's scoring server writes them, but strictly.

MLflow's own encoder, of the restored environment, says what a value becomes: tables are records,
dates ISO 8601. Where MLflow writes what no strict reader takes (NaN, infinities) or fails (NA), and
for NaT, there is null.

Standard library only until called, Python 3.8 upwards, for restored environments.
"""

from __future__ import annotations

import functools
import json
from typing import Any

from .failures import AnswerError


def jsonable(answer: Any) -> Any:
    """A model's answer as what `text` writes: arrays and tables as lists.

    Raises:
        AnswerError: It cannot be.
    """
    from mlflow.utils import proto_json_utils

    try:
        return proto_json_utils._get_jsonable_obj(answer, pandas_orient="records")  # noqa: SLF001
    except (TypeError, ValueError) as error:
        raise AnswerError(f"the answer does not fit into JSON: {error}") from error


def text(value: Any) -> str:
    """Strict JSON, in ASCII.

    Raises:
        AnswerError: `value` has something that JSON, or MLflow's way of writing it, has not.
    """
    strict, lenient = _encoders()
    try:
        try:
            encoded: str = strict.encode(value)
        # It has NaN or infinities, or is something else, which the second try finds again.
        except ValueError:
            without = json.loads(lenient.encode(value), parse_constant=lambda _: None)
            encoded = strict.encode(without)
    except (TypeError, ValueError, RecursionError) as error:
        raise AnswerError(f"the answer does not fit into JSON: {error}") from error
    return encoded


@functools.lru_cache(maxsize=None)
def _encoders() -> tuple[Any, Any]:
    import pandas as pd
    from mlflow.utils.proto_json_utils import NumpyEncoder

    missing = [pd.NaT, getattr(pd, "NA", pd.NaT)]

    class Encoder(NumpyEncoder):  # type: ignore[misc]
        def try_convert(self, o: Any) -> tuple[Any, bool]:
            if any(o is one for one in missing):
                return None, True
            converted: tuple[Any, bool] = super().try_convert(o)
            return converted

    compact = (",", ":")
    return Encoder(allow_nan=False, separators=compact), Encoder(separators=compact)
