"""`holdfast score`: the rows of files by the million."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import click

from holdfast.cli import options
from holdfast.cli.render import Screen, print_json
from holdfast.score.options import BATCH_ROWS, ENGINES

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from holdfast.score.score import Scored

_FORMATS = click.Choice(("parquet", "csv", "jsonl", "arrow"))


class _Workers(click.types.StringParamType):
    """A number from 1, or "auto"."""

    name = "workers"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """See click."""
        if value == "auto":
            return "auto"
        if not str(value).isdigit() or int(str(value)) < 1:
            self.fail(f"{value!r} is neither auto nor a number from 1", param, ctx)
        return int(str(value))


@click.command("score")
@options.model
@click.argument("inputs", metavar="INPUT")
@click.option("-o", "--output", required=True, metavar="FOLDER", help="A path or a URI.")
@click.option(
    "--keep",
    multiple=True,
    metavar="COLUMN",
    help="A column of the input that the output has, too. Can be given several times.",
)
@click.option(
    "--workers",
    type=_Workers(),
    default="auto",
    show_default=True,
    metavar="N",
    help="Processes with the model; auto: as many as there are cores, one for little.",
)
@click.option(
    "--on-error",
    type=click.Choice(("stop", "reject")),
    default="stop",
    show_default=True,
    help="At a row that the model does not answer.",
)
@click.option(
    "--batch-rows",
    type=click.IntRange(min=1),
    default=BATCH_ROWS,
    show_default=True,
    help="The most rows that the model is given at once.",
)
@click.option("--input-format", type=_FORMATS, help="Default: what the files' names end in.")
@click.option("--output-format", type=_FORMATS, help="Default: the input's.")
@click.option(
    "--engine",
    type=click.Choice(ENGINES),
    default="local",
    show_default=True,
    help="Whose processes predict: this machine's, or those of a cluster's nodes.",
)
@click.option(
    "--address",
    default="",
    metavar="ADDRESS",
    help="The cluster's: ray://head:10001, spark://master:7077.",
)
@options.how
@options.as_json
@options.talk
@click.pass_obj
def command(
    screen: Screen,
    uri: str,
    *,
    inputs: str,
    output: str,
    keep: tuple[str, ...],
    workers: int | Literal["auto"],
    on_error: Literal["stop", "reject"],
    batch_rows: int,
    input_format: str | None,
    output_format: str | None,
    engine: Literal["local", "ray", "spark"],
    address: str,
    as_json: bool,
    **how: Unpack[options.How],
) -> None:
    """Predict all rows of INPUT with MODEL, in its sealed environment.

    INPUT is a file, a folder or a pattern: Parquet, CSV, JSON lines or Arrow, here or on s3://,
    gs:// or hdfs://. For each file there is one in FOLDER, its rows in their order. Ended, and
    started again, it does only what is missing.

    \b
    holdfast score models:/churn@champion customers/ -o scored/ --keep customer_id
    """  # noqa: D301 - click's sign for lines that stay as they are
    from holdfast.score.score import score

    with screen.progress("opening the model") as doing:
        scored = score(
            uri,
            inputs,
            output,
            keep=keep,
            workers=workers,
            on_error=on_error,
            batch_rows=batch_rows,
            input_format=input_format,
            output_format=output_format,
            engine=engine,
            address=address,
            **how,
            on_progress=doing,
        )
    if as_json:
        print_json(scored.to_dict())
        return
    screen.say(_said(scored))


def _said(scored: Scored) -> str:
    before = f", {scored.before} of them before" if scored.before else ""
    files = "file" if scored.files == 1 else "files"
    text = f"{scored.rows:,} rows of {scored.files} {files}{before} in {scored.seconds:.1f} s"
    return f"{text}; {scored.rejected:,} rejected, see _rejected/" if scored.rejected else text
