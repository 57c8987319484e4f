"""Predicting, in the restored environment: for objects of this process, and for files."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from holdfast.errors import InputError, ModelError
from holdfast.model import Model
from holdfast.restore.restore import restore
from holdfast.restore.restored import Restored, open_worker
from holdfast.worker.client import TIMEOUT
from holdfast.worker.payload import PayloadError, decode, encode

# The formats of files, by the end of their names.
FORMATS = {".csv": "csv", ".json": "json", ".parquet": "parquet", ".pq": "parquet"}


def predict(  # noqa: PLR0913 - an option means the same in every verb
    model: Model | str | os.PathLike[str],
    data: Any,
    *,
    params: Mapping[str, Any] | None = None,
    slim: bool = False,
    slim_include: Iterable[str] = (),
    offline: bool = False,
    strict: bool = False,
    timeout: float = TIMEOUT,
) -> Any:
    """What `model` answers to `data`, in its own environment.

    Args:
        model: What `open_model` gives, or takes.
        data: DataFrame, Series, ndarray, dict of ndarrays, or JSON: what the model takes.
        params: The model's inference parameters.
        slim: In an environment of only the packages that the model was seen to need.
        slim_include: Packages that this environment has in any case.
        offline: Fetch nothing.
        strict: Refuse another patch release of Python than the sealed one.
        timeout: Seconds for loading and predicting.

    Returns:
        The answer, of the type the model gives, with this process's NumPy and pandas.

    Raises:
        InputError: The data does not fit the model's signature, or cannot cross to it.
        ModelError: The model failed, died or took too long.
        MismatchError: A file is not as it was sealed.
    """
    try:
        header, buffers = encode(data)
    except PayloadError as error:
        raise InputError(f"this input cannot cross to the model: {error}") from error
    restored = restore(model, slim=slim, slim_include=slim_include, offline=offline, strict=strict)
    with _hinting(restored), open_worker(restored) as worker:
        return decode(*worker.predict(header, buffers, params=params, timeout=timeout))


def predict_file(
    restored: Restored,
    data: bytes,
    file_format: str,
    output_format: str,
    *,
    params: Mapping[str, Any] | None = None,
    timeout: float = TIMEOUT,
) -> bytes:
    """The answers to the rows of a file, as a file: formats are the values of `FORMATS`.

    Raises:
        InputError: The file cannot be read, or does not fit the model's signature.
        ModelError: The model failed, died or took too long.
        MismatchError: A file of the model's is not as it was sealed.
    """
    needed = "pyarrow" if "parquet" in (file_format, output_format) else ""
    with _hinting(restored, needed), open_worker(restored) as worker:
        return worker.predict_file(data, file_format, output_format, params=params, timeout=timeout)


@contextmanager
def _hinting(restored: Restored, needed: str = "") -> Iterator[None]:
    """Where a slim environment lacks something after all, say how to have it.

    Args:
        restored: The model and its environment.
        needed: A package without which files of a format cannot be read or written.
    """
    left_out = restored.slim.left_out if restored.slim else ()
    try:
        yield
    except ModelError as error:
        if not left_out or not error.missing:
            raise
        name = error.missing if error.missing in left_out else "the name of its package"
        raise ModelError(error.message, hint=_slim_hint(name), missing=error.missing) from error
    except InputError as error:
        if needed not in left_out:
            raise
        raise InputError(error.message, hint=_slim_hint(needed)) from error


def _slim_hint(name: str) -> str:
    return f"the environment is slim: add --slim-include {name}, or leave --slim away"


def format_of(path: str, option: str = "--format") -> str:
    """The format that the end of a file's name stands for.

    Args:
        path: The file's name; "-" has no end.
        option: What names the format instead.

    Raises:
        InputError: It stands for none.
    """
    suffix = Path(path).suffix.lower()
    if suffix not in FORMATS:
        expected = ", ".join(FORMATS)
        name = "standard input" if path == "-" else path
        ends = f"{name} ends in {suffix}" if suffix else f"{name} has no ending"
        raise InputError(f"{ends}; expected {expected}", hint=f"name the format: {option} csv")
    return FORMATS[suffix]
