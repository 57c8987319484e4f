"""Files: CSV, JSON and Parquet as a model's input, and its answer as one of them.

Read as MLflow's scoring server reads them, with the pandas of the restored environment, so that a
file gives what a request with the same bytes would give. The order of rows is kept.

Standard library only until called, Python 3.8 upwards, for restored environments.
"""

from __future__ import annotations

import io
import json
import math
from typing import Any, Callable, Sequence

FORMATS = ("csv", "json", "parquet")
WRAPPED = ("dataframe_split", "dataframe_records", "instances", "inputs")
# What language models are sent without a wrapper (MLflow's "unified LLM input").
UNWRAPPED = ("messages", "prompt", "input")


class FileError(Exception):
    """A file that cannot be read, or an answer that this format cannot hold."""


def read(file_format: Any, buffers: Sequence[Any], metadata: Any) -> tuple[Any, dict[str, Any]]:
    """The model's input in a file, and the parameters that stand beside it (JSON only).

    Args:
        file_format: One of `FORMATS`.
        buffers: The file's bytes, as the only buffer.
        metadata: The loaded model's `mlflow.models.Model`, for its signature.

    Raises:
        FileError: The file is not of its format, or does not hold what the signature asks for.
    """
    if file_format not in FORMATS or len(buffers) != 1:
        raise FileError(f"format {file_format!r:.40} is not one of {', '.join(FORMATS)}")
    schema = metadata.get_input_schema()
    try:
        if file_format == "csv":
            return _read_csv(bytes(buffers[0]), schema), {}
        if file_format == "parquet":
            return read_parquet(bytes(buffers[0])), {}
        return _read_json(bytes(buffers[0]), metadata, schema)
    except FileError:
        raise
    # pandas, pyarrow and MLflow have no common root for "this is not such a file".
    except Exception as error:
        said = str(error).strip()
        raise FileError(f"not a {file_format} file that fits the model: {said}") from error


def check_params(params: dict[str, Any], metadata: Any) -> None:
    """Refuse parameters that the model does not have: MLflow would leave them out in silence.

    Raises:
        FileError: One of them is not in the model's signature.
    """
    names = _param_names(metadata)
    strange = sorted(params.keys() - set(names))
    if strange:
        there = f"its parameters are {', '.join(names)}" if names else "it has none"
        raise FileError(f"the model has no parameter {', '.join(map(repr, strange))}; {there}")


def split_params(document: dict[str, Any], metadata: Any) -> tuple[Any, dict[str, Any]]:
    """What a language model is sent: the model's parameters stand beside the data."""
    names = _param_names(metadata)
    params = {name: document[name] for name in document if name in names}
    return {name: document[name] for name in document if name not in names}, params


def is_from_type_hint(metadata: Any) -> bool:
    """Whether the model checks and converts its input itself, by its type hint."""
    return bool(getattr(metadata, "_is_signature_from_type_hint", lambda: False)())


def _param_names(metadata: Any) -> list[str]:
    known = metadata.get_params_schema() if hasattr(metadata, "get_params_schema") else None
    return [param.name for param in known.params] if known else []


def write(file_format: Any, answer: Any) -> bytes:
    """A model's answer as a file.

    A table keeps its columns; one value a row becomes the column `prediction`; several, as in a
    two-dimensional array, `prediction_0`, `prediction_1` … JSON is `{"predictions": …}` as MLflow
    answers it, where NaN and infinities become null, since JSON has neither.

    Raises:
        FileError: The format cannot hold the answer.
    """
    if file_format == "json":
        return _write_json(answer)
    if file_format == "csv":
        text: str = _cells_as_text(_as_table(answer)).to_csv(index=False)
        return text.encode("utf-8")
    if file_format == "parquet":
        return _write_parquet(_as_table(answer))
    raise FileError(f"format {file_format!r:.40} is not one of {', '.join(FORMATS)}")


def _read_csv(data: bytes, schema: Any) -> Any:
    import pandas as pd

    if schema is None or schema.is_tensor_spec():
        return _table_in(data)
    kinds = dict(zip(schema.input_names(), schema.pandas_types()))
    # read_csv refuses these as a dtype; to_datetime also says which value is none.
    moments = [name for name, kind in kinds.items() if getattr(kind, "kind", "") == "M"]
    plain = {name: kind for name, kind in kinds.items() if name not in moments}
    try:
        frame = _table_in(data, dtype=plain)
    except (ValueError, TypeError):
        _refuse_column(data, plain)
        raise
    for name in moments:
        if name in frame.columns:
            frame[name] = pd.to_datetime(frame[name])
    return frame


def _table_in(data: bytes, **options: Any) -> Any:
    """The table in a CSV file; refused where a row has more fields than there are names.

    pandas would take the first fields for row names, and so shift every value by a column.
    """
    import warnings

    import pandas as pd

    with warnings.catch_warnings():
        warnings.simplefilter("error", pd.errors.ParserWarning)
        try:
            return pd.read_csv(io.BytesIO(data), index_col=False, **options)
        except pd.errors.ParserWarning:
            raise FileError("a row of the CSV has more fields than the first line names") from None


def _refuse_column(data: bytes, kinds: dict[str, Any]) -> None:
    """Name the first column that is not of its type, which pandas does not."""
    for name, kind in kinds.items():
        error = _column_error(data, name, kind)
        if error is not None:
            raise ValueError(f"column {name!r} is not of type {kind}: {error}") from error


def _column_error(data: bytes, name: str, kind: Any) -> Exception | None:
    try:
        _table_in(data, usecols=lambda found: found == name, dtype={name: kind})
    except (ValueError, TypeError) as error:
        return error
    return None


def read_parquet(data: bytes) -> Any:
    """The table in a Parquet file.

    Raises:
        FileError: The environment has nothing to read it with.
    """
    import pandas as pd

    try:
        return pd.read_parquet(io.BytesIO(data))
    except ImportError as error:
        raise _no_parquet() from error


def _no_parquet() -> FileError:
    return FileError(
        "the model's environment has neither pyarrow nor fastparquet, so it cannot read or write "
        "Parquet; use CSV or JSON"
    )


def _read_json(data: bytes, metadata: Any, schema: Any) -> tuple[Any, dict[str, Any]]:
    try:
        document = json.loads(data.decode("utf-8"))
    except RecursionError as error:
        raise FileError("the JSON is nested too deeply") from error
    if is_from_type_hint(metadata):
        return _read_for_type_hint(document)
    if isinstance(document, list):
        return _read_list(document, schema), {}
    if not isinstance(document, dict):
        raise FileError(f"expected a JSON list or object, found {type(document).__name__}")
    wrappers = [name for name in WRAPPED if name in document]
    if len(wrappers) > 1:
        raise FileError(f"expected one of {', '.join(WRAPPED)}, found {', '.join(wrappers)}")
    if wrappers:
        params = document.get("params") or {}
        if not isinstance(params, dict):
            raise FileError("params must be an object")
        return read_wrapped(wrappers[0], document[wrappers[0]], schema), params
    return _read_object(document, metadata, schema)


def _read_for_type_hint(document: Any) -> tuple[Any, dict[str, Any]]:
    """What the model's own type hint checks and converts: it is left as it stands."""
    if isinstance(document, dict) and "inputs" in document:
        return document["inputs"], document.get("params") or {}
    return document, {}


def read_wrapped(name: str, content: Any, schema: Any) -> Any:
    """What stands in a JSON document under one of `WRAPPED`, as MLflow reads it."""
    from mlflow.utils import proto_json_utils

    if name in ("instances", "inputs"):
        return proto_json_utils.parse_tf_serving_input({name: content}, schema=schema)
    orient = name[len("dataframe_") :]
    return proto_json_utils.dataframe_from_parsed_json(content, orient, schema)


def _read_list(document: list[Any], schema: Any) -> Any:
    """Records are a table; anything else goes to the model as it stands."""
    from mlflow.utils import proto_json_utils

    if document and all(isinstance(row, dict) for row in document):
        table = schema if schema is None or not schema.is_tensor_spec() else None
        return proto_json_utils.dataframe_from_parsed_json(document, "records", table)
    return document


def _read_object(
    document: dict[str, Any], metadata: Any, schema: Any
) -> tuple[Any, dict[str, Any]]:
    """A table by columns; what language models take goes to them as it stands."""
    import pandas as pd

    if any(name in document for name in UNWRAPPED):
        return split_params(document, metadata)
    if not all(isinstance(column, list) for column in document.values()):
        raise FileError(
            f"expected one of {', '.join(WRAPPED)}, a list of records, or lists by column"
        )
    frame = pd.DataFrame(document)
    if schema is None or schema.is_tensor_spec():
        return frame, {}
    from mlflow.utils import proto_json_utils

    return proto_json_utils.cast_df_types_according_to_schema(frame, schema), {}


def _as_table(answer: Any) -> Any:  # noqa: PLR0911 - a line for each kind of answer
    import numpy as np
    import pandas as pd

    if isinstance(answer, pd.DataFrame):
        return answer
    if isinstance(answer, pd.Series):
        return answer.to_frame("prediction" if answer.name is None else answer.name)
    if isinstance(answer, np.ndarray):
        return _array_as_table(answer)
    if isinstance(answer, dict):
        return _dict_as_table(answer)
    if isinstance(answer, (list, tuple)):
        if answer and all(isinstance(row, dict) for row in answer):
            return pd.DataFrame.from_records(list(answer))
        # One column whatever the items are: pandas would spread lists over several.
        return pd.DataFrame({"prediction": pd.Series(list(answer))})
    if hasattr(answer, "toarray"):
        return _array_as_table(answer.toarray())
    return pd.DataFrame({"prediction": [answer]})


def _array_as_table(array: Any) -> Any:
    import pandas as pd

    if array.ndim <= 1:
        return pd.DataFrame({"prediction": array.reshape(-1)})
    if array.ndim == 2:  # noqa: PLR2004 - rows and columns
        names = [f"prediction_{number}" for number in range(array.shape[1])]
        return pd.DataFrame(array, columns=names if len(names) > 1 else ["prediction"])
    raise FileError(
        f"the model answers an array of shape {array.shape}, which is no table; use JSON"
    )


def _dict_as_table(answer: dict[Any, Any]) -> Any:
    import numpy as np
    import pandas as pd

    columns = {
        name: column if isinstance(column, (list, tuple, np.ndarray, pd.Series)) else [column]
        for name, column in answer.items()
    }
    arrays = {
        name: list(column) for name, column in columns.items() if getattr(column, "ndim", 1) > 1
    }
    lengths = {len(column) for column in columns.values()}
    if len(lengths) > 1:
        raise FileError(
            "the model answers columns of different lengths, which is no table; use JSON"
        )
    return pd.DataFrame({**columns, **{name: pd.Series(rows) for name, rows in arrays.items()}})


def _cells_as_text(frame: Any) -> Any:
    """Lists and objects in cells as JSON: what `str` makes of them nobody can read back."""
    nested: Callable[[Any], Any] = lambda cell: (  # noqa: E731 - used twice below
        _json_text(cell)
        if isinstance(cell, (list, tuple, dict)) or hasattr(cell, "tolist")
        else cell
    )
    columns = [
        frame.iloc[:, at].map(nested) if kind == "object" else frame.iloc[:, at]
        for at, kind in enumerate(map(str, frame.dtypes))
    ]
    import pandas as pd

    text = pd.concat(columns, axis=1) if columns else frame
    text.columns = frame.columns
    return text


def _write_parquet(frame: Any) -> bytes:
    target = io.BytesIO()
    frame = frame.rename(columns=str)
    try:
        frame.to_parquet(target, index=False)
    except ImportError as error:
        raise _no_parquet() from error
    except (ValueError, TypeError, ArithmeticError, NotImplementedError) as error:
        raise FileError(f"the answer does not fit into Parquet: {error}") from error
    return target.getvalue()


def _write_json(answer: Any) -> bytes:
    return _json_text({"predictions": answer}).encode("utf-8")


def _json_text(value: Any) -> str:
    try:
        return json.dumps(_plain(value), allow_nan=False, ensure_ascii=False)
    except (RecursionError, ValueError) as error:
        raise FileError(f"the answer does not fit into JSON: {error}") from error


def _plain(value: Any) -> Any:
    """`value` of what JSON has: null for missing values, records for tables, ISO 8601 for dates."""
    if value is None or isinstance(value, (bool, str)):
        return value
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else None
    if isinstance(value, int):
        return int(value)
    if isinstance(value, dict):
        return {str(name): _plain(item) for name, item in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [_plain(item) for item in value]
    return _plain_other(value)


def _plain_other(value: Any) -> Any:  # noqa: PLR0911 - a line for each kind of value
    import numpy as np
    import pandas as pd

    if isinstance(value, pd.DataFrame):
        columns = [_plain(value.iloc[:, at]) for at in range(value.shape[1])]
        names = list(map(str, value.columns))
        return [dict(zip(names, row)) for row in zip(*columns)]
    if isinstance(value, (pd.Series, pd.Index)):
        return [_plain(item) for item in value.tolist()]
    if value is pd.NaT or value is getattr(pd, "NA", pd.NaT):
        return None
    if hasattr(value, "isoformat"):
        return value.isoformat()
    if isinstance(value, (np.datetime64, np.timedelta64)):
        return None if np.isnat(value) else str(value)
    if isinstance(value, np.ndarray) and value.dtype.kind in "mM":
        return [_plain(item) for item in value]
    if isinstance(value, (np.ndarray, np.generic)):
        return _plain(value.tolist())
    if hasattr(value, "toarray"):
        return _plain(value.toarray())
    if isinstance(value, bytes):
        import base64

        return base64.b64encode(value).decode("ascii")
    raise FileError(f"{type(value).__module__}.{type(value).__qualname__} does not fit into JSON")
