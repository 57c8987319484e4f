"""`holdfast predict`: the answers to a file's rows."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import click

from holdfast.cli import options
from holdfast.cli.render import Screen
from holdfast.errors import InputError

_FORMATS = ("csv", "json", "parquet")


@click.command("predict")
@options.model
@click.option(
    "-i",
    "--input",
    "source",
    required=True,
    metavar="FILE",
    help="CSV, JSON or Parquet; - for standard input.",
)
@click.option("-o", "--output", "target", default="-", metavar="FILE", help="Default: stdout.")
@click.option("--format", "given", type=click.Choice(_FORMATS), help="Of the input, for -.")
@click.option(
    "--output-format", "wanted", type=click.Choice(_FORMATS), help="Default: the input's."
)
@click.option("--params", metavar="JSON", help="The model's inference parameters.")
@options.offline
@options.strict
@options.timeout
@click.pass_obj
def command(
    screen: Screen,
    uri: str,
    *,
    source: str,
    target: str,
    given: str | None,
    wanted: str | None,
    params: str | None,
    offline: bool,
    strict: bool,
    timeout: float,
) -> None:
    """Predict the rows of a file with MODEL, in its sealed environment.

    JSON is in any of MLflow's shapes: dataframe_split, dataframe_records, instances, inputs, or a
    list of records.
    """
    from holdfast.predict import format_of, predict_file
    from holdfast.restore import restore

    data = _read(source)
    file_format = given or format_of(source)
    output_format = wanted or (format_of(target) if Path(target).suffix else file_format)
    parameters = _params(params)
    with screen.progress("restoring") as doing:
        restored = restore(uri, offline=offline, strict=strict, on_progress=doing)
        doing("predicting")
        answer = predict_file(
            restored, data, file_format, output_format, params=parameters, timeout=timeout
        )
    _write(target, answer)


def _read(source: str) -> bytes:
    try:
        data = sys.stdin.buffer.read() if source == "-" else Path(source).read_bytes()
    except OSError as error:
        raise InputError(f"{source} cannot be read: {error.strerror}") from error
    if not data.strip():
        raise InputError(f"{source} is empty")
    return data


def _params(text: str | None) -> dict[str, Any] | None:
    if text is None:
        return None
    try:
        params = json.loads(text)
    except ValueError as error:
        raise InputError(f"--params is not JSON: {error}") from error
    if not isinstance(params, dict):
        raise InputError('--params is not an object: expected {"name": value}')
    return params


def _write(target: str, answer: bytes) -> None:
    from holdfast.seal.store import write_file

    if target == "-":
        sys.stdout.buffer.write(answer)
        sys.stdout.buffer.flush()
        return
    try:
        write_file(Path(target).absolute(), answer)
    except OSError as error:
        raise InputError(f"{target} cannot be written: {error.strerror}") from error
