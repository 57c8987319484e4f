"""A run before it is begun: the model and every file looked into, the output's folder held.

What follows is either here.py, on this machine, or cluster.py.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from holdfast.environment.lease import alone_if_free
from holdfast.errors import InputError
from holdfast.model import Model, open_model
from holdfast.progress import Progress
from holdfast.score.book import OWN
from holdfast.score.look import look_into, plan_splits
from holdfast.score.options import Options
from holdfast.score.place import Place, explained, place_of
from holdfast.score.schema import Job
from holdfast.score.write import WRITING


@dataclass(frozen=True, slots=True)
class How:
    """How an environment is restored, wherever that is; as of `restore`."""

    slim: bool
    slim_include: tuple[str, ...]
    offline: bool
    strict: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """What is to be done.

    Attributes:
        model: Opened; nothing of it was loaded.
        jobs: The input's files, all of one format, which fit the model.
        output: The folder of outputs.
        options: What the user asks for.
        how: How the environment is restored.
        tell: Told what takes time.
    """

    model: Model
    jobs: tuple[Job, ...]
    output: Place
    options: Options
    how: How
    tell: Progress

    @property
    def format(self) -> str:
        """The input's."""
        return self.jobs[0].split.format

    @property
    def gap(self) -> str:
        """What the model sees where text is null: pandas' `read_csv`, so MLflow's, has NaN."""
        return "nan" if self.format == "csv" else "None"


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What came of it: rows, and files, of which an earlier start had done some."""

    rows: int
    rejected: int
    files: int
    before: int


def prepare(
    model: Model | str | os.PathLike[str],
    inputs: str | os.PathLike[str],
    output: str | os.PathLike[str],
    options: Options,
    how: How,
    tell: Progress,
) -> Run:
    """Look into the model and every file; nothing is written.

    Raises:
        InputError: A file cannot be read, or does not fit the model: says all that is wrong.
        SealError: The model is not sealed.
    """
    opened = model if isinstance(model, Model) else open_model(model)
    place = place_of(output)
    splits = plan_splits(inputs, place, options.input_format, options.output_format)
    tell(f"looking into {len(splits)} files")
    jobs = look_into(opened, splits, options.keep, options.batch_rows, reject=options.rejects)
    return Run(model=opened, jobs=tuple(jobs), output=place, options=options, how=how, tell=tell)


@contextmanager
def alone(output: Place) -> Iterator[None]:
    """Two runs must not write to one folder; on a store elsewhere nobody can keep them from it.

    Raises:
        InputError: Another run writes to `output`, or nobody may.
    """
    with explained(output.name, "written"):
        output.system.create_dir((output / OWN).path, recursive=True)
    if not output.is_local:
        yield
        return
    with alone_if_free(Path(output.path, OWN, "lock")) as held:
        if not held:
            raise InputError(f"another run is writing to {output.name}")
        with explained(output.name, "written"):
            # What a killed run had not finished.
            output.system.delete_dir_contents((output / WRITING).path, missing_dir_ok=True)
        yield
