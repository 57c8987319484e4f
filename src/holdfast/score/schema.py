"""What a model takes and what it answers, held against a dataset's columns before the first batch.

Nothing of the model is loaded: its signature is read from MLmodel, its answer's types from the
golden predictions.
"""

from __future__ import annotations

import pyarrow as pa

from holdfast.errors import HoldfastError
from holdfast.model import Model, read_golden, read_signature
from holdfast.score.answers import NAME, decode_answer
from holdfast.score.columns import TYPES, read_columns


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
