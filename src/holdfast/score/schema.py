"""What a model takes and what it answers, held against a dataset's columns before the first batch.

Nothing of the model is loaded: its signature is read from MLmodel, its answer's types from the
golden predictions. Every problem of every file is said at once.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from holdfast.errors import HoldfastError, InputError
from holdfast.model import Model, read_golden, read_signature
from holdfast.score.answers import NAME, decode_answer
from holdfast.score.columns import TYPES, Column, castable, read_columns
from holdfast.score.plan import Split
from holdfast.score.read import Found, Wanted

# Problems that are said one by one; of the rest, how many.
_SAID = 20
_TEXT_FORMATS = ("csv", "jsonl")


@dataclass(frozen=True, slots=True)
class Asked:
    """What a model is asked for: its signature's columns or tensor, and what its answer has.

    Attributes:
        columns: Of the signature; () where it names none.
        tensor: The type and the width of a signature of one nameless matrix; else None.
        answer: The columns of its predictions, where that is known.
        keep: Columns of the input that the output has, too.
    """

    columns: tuple[Column, ...]
    tensor: tuple[pa.DataType, int] | None
    answer: pa.Schema | None
    keep: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Job:
    """A split and what of it goes where.

    Attributes:
        split: The split.
        wanted: What is read.
        given: The columns that the model gets.
        schema: The output's, where there is no row to say it.
        rows: Of the input, where that is known, or else about so many.
    """

    split: Split
    wanted: Wanted
    given: tuple[str, ...]
    schema: pa.Schema
    rows: int | None


def asked_of(model: Model, keep: Sequence[str]) -> Asked:
    """What `model` is asked for; `keep` names columns of the input."""
    inputs = read_signature(model).get("inputs") or []
    return Asked(read_columns(inputs), _tensor(inputs), answer_schema(model), tuple(keep))


def make_jobs(
    asked: Asked, splits: Sequence[tuple[Split, Found]], rows: int, *, reject: bool
) -> list[Job]:
    """What is read of each split, and given to the model.

    Args:
        asked: What the model is asked for.
        splits: Each split and what it was found to have.
        rows: The most of a batch.
        reject: Whether rows that do not fit are rejected later: then CSV is read as it stands.

    Raises:
        InputError: They do not fit the signature, or one another: says all that is wrong.
    """
    problems = list(_collisions(asked))
    for split, found in splits:
        problems += [
            f"{split.file.below}: {problem}"
            for problem in _problems(asked, split, found, splits[0][1].schema, reject=reject)
        ]
    if problems:
        more = len(problems) - _SAID
        lines = [*problems[:_SAID], *([f"and {more} more"] if more > 0 else [])]
        raise InputError(
            "the input does not fit the model:\n" + "\n".join(lines),
            hint="holdfast show MODEL says what it takes",
        )
    return [_job(asked, split, found, rows, as_text=reject) for split, found in splits]


def _job(asked: Asked, split: Split, found: Found, rows: int, *, as_text: bool) -> Job:
    there = found.schema.names
    given = tuple(
        [column.name for column in asked.columns if column.name in there]
        or [name for name in there if name not in asked.keep]
    )
    names = (*given, *(name for name in asked.keep if name not in given))
    types = {} if as_text and split.format == "csv" else _types(asked, given)
    kept = [pa.field(name, types.get(name, found.schema.field(name).type)) for name in asked.keep]
    schema = pa.schema([*kept, *(asked.answer or ())])
    return Job(split, Wanted(names, types, rows), given, schema, found.rows)


def _types(asked: Asked, given: Sequence[str]) -> dict[str, pa.DataType]:
    """Of columns in text."""
    if asked.tensor:
        return dict.fromkeys(given, asked.tensor[0])
    kinds = {column.name: column.kind for column in asked.columns if column.kind}
    return {name: TYPES[kinds[name]] for name in given if name in kinds}


def _collisions(asked: Asked) -> Iterator[str]:
    for name, count in Counter(asked.keep).items():
        if count > 1:
            yield f"--keep names {name} {count} times"
        if asked.answer is not None and name in asked.answer.names:
            yield f"--keep {name}: the model's predictions have a column of that name"


def _problems(
    asked: Asked, split: Split, found: Found, first: pa.Schema, *, reject: bool
) -> Iterator[str]:
    names = Counter(found.schema.names)
    yield from (f"{count} columns are called {name}" for name, count in names.items() if count > 1)
    absent = [name for name in dict.fromkeys(asked.keep) if name not in names]
    yield from (f"column {name}, to be kept, is missing" for name in absent)
    if max(names.values(), default=0) > 1:
        return
    if asked.columns:
        for column in asked.columns:
            if column.name in names:
                yield from _problems_of(column, split, found, reject=reject)
            elif column.required:
                yield f"column {column.name} ({column.kind or 'of its own type'}) is missing"
    else:
        yield from _problems_without_names(asked, split, found, first)
    if split.format not in _TEXT_FORMATS:
        for name in asked.keep:
            here, there = _type_of(found.schema, name), _type_of(first, name)
            if here and there and here != there:
                yield f"column {name} is {here}, and {there} in the first file"


def _problems_of(column: Column, split: Split, found: Found, *, reject: bool) -> Iterator[str]:
    kind = found.schema.field(column.name).type
    if split.format not in _TEXT_FORMATS and not castable(kind, column.kind):
        yield f"column {column.name} is {kind}; the signature says {column.kind}"
    elif column.kind in ("integer", "long") and not reject:
        count = (found.nulls or {}).get(column.name, 0)
        if count:
            yield f"column {column.name} has {count} nulls; {column.kind} has no room for them"


def _problems_without_names(
    asked: Asked, split: Split, found: Found, first: pa.Schema
) -> Iterator[str]:
    """No signature, or one of a tensor: all columns but those that are kept."""
    given = [name for name in found.schema.names if name not in asked.keep]
    expected = [name for name in first.names if name not in asked.keep]
    if given != expected:
        yield f"its columns are {', '.join(given)}; in the first file {', '.join(expected)}"
    if not asked.tensor:
        return
    kind, width = asked.tensor
    if width not in (-1, len(given)):
        yield f"{len(given)} columns for a model that takes {width}: {', '.join(given)}"
    elif split.format not in _TEXT_FORMATS:
        for name in given:
            if (here := found.schema.field(name).type) != kind:
                yield f"column {name} is {here}; the model takes a matrix of {kind}"


def _type_of(schema: pa.Schema, name: str) -> pa.DataType | None:
    return schema.field(name).type if name in schema.names else None


def _tensor(inputs: Sequence[Any]) -> tuple[pa.DataType, int] | None:
    spec = inputs[0] if len(inputs) == 1 else None
    if not isinstance(spec, Mapping) or spec.get("type") != "tensor" or spec.get("name"):
        return None
    try:
        kind, shape = spec["tensor-spec"]["dtype"], spec["tensor-spec"]["shape"]
        return (pa.type_for_alias(kind), int(shape[1])) if len(shape) == 2 else None  # noqa: PLR2004
    except (KeyError, TypeError, ValueError, IndexError):
        return None


def answer_schema(model: Model) -> pa.Schema | None:
    """The columns of `model`'s predictions.

    From what it answered when it was sealed, or else from its signature's outputs; None where
    neither says.
    """
    if model.seal.golden.sha256:
        try:
            answer = read_golden(model).answer
            return decode_answer(dict(answer.header), answer.buffers).schema
        # A golden file that was changed is found by whoever starts a worker.
        except HoldfastError:
            pass
    return _declared(model)


def _declared(model: Model) -> pa.Schema | None:
    outputs = read_signature(model).get("outputs")
    if not outputs:
        return None
    named = read_columns(outputs)
    if named and all(column.kind for column in named):
        return pa.schema([(column.name, TYPES[column.kind]) for column in named])
    kinds = [each.get("type") for each in outputs if isinstance(each, dict)]
    if len(outputs) == 1 and kinds and kinds[0] in TYPES:
        return pa.schema([(NAME, TYPES[str(kinds[0])])])
    return None
