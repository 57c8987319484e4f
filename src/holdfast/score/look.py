"""Looking before anything is started: which files there are, and whether they fit the model."""

from __future__ import annotations

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial

from holdfast.errors import InputError
from holdfast.model import Model
from holdfast.score.place import Place, find_files
from holdfast.score.plan import FORMATS, Split, make_splits, refuse_overlap
from holdfast.score.read import inspect
from holdfast.score.schema import Job, asked_of, make_jobs

# Files that are looked into at a time: most of it is waiting for a store.
_LOOKING = 8


def plan_splits(
    inputs: str | os.PathLike[str], output: Place, input_format: str | None, wanted: str | None
) -> list[Split]:
    """The splits of `inputs`.

    Raises:
        InputError: There is none, a format is unknown, or input and output lie in one another.
    """
    for given in (input_format, wanted):
        if given not in (None, *FORMATS):
            raise InputError(f"the format {given!r} is not one of {', '.join(FORMATS)}")
    named = os.fspath(inputs)
    files = find_files(named)
    splits = make_splits(files, named, input_format, wanted)
    refuse_overlap(named, files, output)
    return splits


def look_into(
    model: Model, splits: Sequence[Split], keep: Sequence[str], rows: int, *, reject: bool
) -> list[Job]:
    """Every file is looked into before anything is started.

    Raises:
        InputError: One cannot be read, or they do not fit the model.
    """
    with ThreadPoolExecutor(_LOOKING) as pool:
        looking = pool.map(partial(inspect, lenient=reject), splits)
        found = list(zip(splits, looking, strict=True))
    return make_jobs(asked_of(model, keep), found, rows, reject=reject)
