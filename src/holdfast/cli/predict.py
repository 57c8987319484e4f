"""`holdfast predict`: the answers to a file's rows."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from holdfast.cli import options
from holdfast.cli.output import open_output, read_input
from holdfast.cli.render import Screen
from holdfast.cli.slim import say_slim
from holdfast.errors import InputError

if TYPE_CHECKING:
    from typing_extensions import Unpack

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
@options.how
@options.timeout
@options.talk
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
    timeout: float,
    **how: Unpack[options.How],
) -> None:
    """Predict the rows of a file with MODEL, in its sealed environment.

    JSON is in any of MLflow's shapes: dataframe_split, dataframe_records, instances, inputs, or a
    list of records.

    \b
    holdfast predict models:/churn@champion -i rows.csv -o answers.csv
    """  # noqa: D301 - click's sign for lines that stay as they are
    from holdfast.predict import format_of, predict_file
    from holdfast.restore.restore import restore

    parameters = _params(params)
    file_format = given or format_of(source, "--format")
    named = Path(target).suffix if target != "-" else ""
    output_format = wanted or (format_of(target, "--output-format") if named else file_format)
    with open_output(target) as write, screen.progress("restoring") as doing:
        data = read_input(source)
        restored = restore(uri, **how, on_progress=doing)
        doing("predicting")
        write(
            predict_file(
                restored, data, file_format, output_format, params=parameters, timeout=timeout
            )
        )
    say_slim(screen, restored.slim)


def _params(text: str | None) -> dict[str, Any] | None:
    if text is None:
        return None
    hint = """--params '{"name": value}'"""
    try:
        params = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InputError(f"--params is not JSON: {error}", hint=hint) from error
    if not isinstance(params, dict):
        raise InputError("--params is not a JSON object", hint=hint)
    return params
