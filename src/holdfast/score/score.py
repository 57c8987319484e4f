"""The verb `score`: rows of files by the million, in the sealed environment."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from time import monotonic
from typing import TYPE_CHECKING, Any, Literal

from holdfast.extras import needed
from holdfast.model import Model
from holdfast.progress import Progress, silent
from holdfast.score.options import BATCH_ROWS, Options

if TYPE_CHECKING:
    from holdfast.score.run import Outcome, Run


@dataclass(frozen=True, slots=True, kw_only=True)
class Scored:
    """What a run came to.

    Attributes:
        output: The folder of outputs.
        rows: Predicted, in all files.
        rejected: Rows that the model did not answer; `_rejected/` says which, and why.
        files: Outputs.
        before: Of those, how many an earlier start of the same run had done.
        seconds: This start has taken.
    """

    output: str
    rows: int
    rejected: int
    files: int
    before: int
    seconds: float

    def to_dict(self) -> dict[str, Any]:
        """For programs."""
        return asdict(self)


def score(  # noqa: PLR0913 - an option means the same in every verb
    model: Model | str | os.PathLike[str],
    inputs: str | os.PathLike[str],
    output: str | os.PathLike[str],
    *,
    keep: Iterable[str] = (),
    workers: int | Literal["auto"] = "auto",
    on_error: Literal["stop", "reject"] = "stop",
    batch_rows: int = BATCH_ROWS,
    input_format: str | None = None,
    output_format: str | None = None,
    engine: Literal["local", "ray", "spark"] = "local",
    address: str = "",
    slim: bool = False,
    slim_include: Iterable[str] = (),
    offline: bool = False,
    strict: bool = False,
    on_progress: Progress = silent,
) -> Scored:
    """Predict for all rows of `inputs`: one file of `output` for each file, rows in their order.

    Started again after it was ended, however it was, it does only what is missing. The folder's
    `_holdfast/run.json` says "complete" when all is there.

    Args:
        model: What `open_model` gives, or takes.
        inputs: A file, a folder or a pattern ("data/*.csv"), as a path or as a URI of a file
            system of pyarrow's (`s3://`, `gs://`, `hdfs://`): Parquet, CSV, JSON lines or Arrow.
        output: A folder; made if it is not there.
        keep: Columns of the input that the output has, too, before the predictions.
        workers: Processes with the model; "auto": as many as there are cores, one for little.
        on_error: At a row that the model does not answer, "stop", or "reject" it into
            `_rejected/`, with the reason, and go on.
        batch_rows: The most rows that the model is given at once.
        input_format: "parquet", "csv", "jsonl" or "arrow"; None: what the files' names end in.
        output_format: One of the same; None: the input's.
        engine: "local", or the engine of a cluster whose nodes predict; see docs/score-clusters.md.
        address: The cluster's: "ray://head:10001", "spark://master:7077"; "": where the engine
            finds one by itself.
        slim: In an environment of only the packages that the model was seen to need.
        slim_include: Packages that this environment has in any case.
        offline: Fetch nothing.
        strict: Refuse another patch release of Python than the sealed one.
        on_progress: Told what takes time, a line at a time.

    Raises:
        InputError: The input cannot be read or does not fit the signature, or a row does not;
            nothing is in `output` that is not whole.
        ModelError: The model fails on a row, or died.
        MismatchError: A file of the model or of its environment is not as it was sealed.
        StoreError: The disk is full.
        ToolError: The extra `score` is not installed.
    """
    start = monotonic()
    options = Options(
        keep=tuple(keep),
        workers=workers,
        on_error=on_error,
        batch_rows=batch_rows,
        input_format=input_format,
        output_format=output_format,
        engine=engine,
        address=address,
    )
    with needed("score", "scoring files"):
        from holdfast.score.run import How, alone, prepare
    how = How(slim, tuple(slim_include), offline, strict)
    run = prepare(model, inputs, output, options, how, on_progress)
    with alone(run.output):
        came = _score(run)
    return Scored(output=run.output.name, **asdict(came), seconds=round(monotonic() - start, 3))


def _score(run: Run) -> Outcome:
    if run.options.engine == "local":
        from holdfast.score.here import score_here

        return score_here(run)
    from holdfast.score.cluster import score_on_cluster

    return score_on_cluster(run)
