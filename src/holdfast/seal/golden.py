"""Golden predictions: the input example and what the model answered, kept to the bit.

Pure. They are kept as the payloads that cross the worker's wire: a header and raw little-endian
buffers, see `worker/payload.py`. `agreement.py` compares them.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from holdfast.errors import SealError

GOLDEN_FILE = "holdfast/golden.json"
FORMAT = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Payload:
    """One payload: its header and its buffers."""

    header: Mapping[str, Any]
    buffers: tuple[bytes, ...]

    @property
    def size(self) -> int:
        """Bytes of its buffers together."""
        return sum(map(len, self.buffers))

    def to_dict(self) -> dict[str, Any]:
        """As JSON has it: buffers in base64."""
        encoded = [base64.b64encode(buffer).decode() for buffer in self.buffers]
        return {"header": dict(self.header), "buffers": encoded}

    @classmethod
    def from_dict(cls, data: Any, place: str) -> Payload:
        """Read what `to_dict` wrote.

        Raises:
            SealError: It is not that; `place` says where.
        """
        try:
            buffers = tuple(base64.b64decode(text, validate=True) for text in data["buffers"])
            header = data["header"]
        except (KeyError, TypeError, ValueError, binascii.Error) as error:
            raise SealError(f"{GOLDEN_FILE}: no payload in '{place}': {error}") from error
        if not isinstance(header, dict):
            raise SealError(f"{GOLDEN_FILE}: no header in '{place}'")
        return cls(header=header, buffers=buffers)


@dataclass(frozen=True, slots=True, kw_only=True)
class Golden:
    """An input, the parameters it was predicted with, and the answer."""

    given: Payload
    answer: Payload
    params: Mapping[str, Any] | None

    def to_dict(self) -> dict[str, Any]:
        """As `holdfast/golden.json` has it."""
        return {
            "format": FORMAT,
            "input": self.given.to_dict(),
            "answer": self.answer.to_dict(),
            "params": dict(self.params) if self.params is not None else None,
        }

    @classmethod
    def from_json(cls, text: bytes) -> Golden:
        """Read `holdfast/golden.json`.

        Raises:
            SealError: It cannot be read, or has a newer format.
        """
        try:
            data = json.loads(text)
            version, params = data["format"], data["params"]
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            raise SealError(f"{GOLDEN_FILE} cannot be read: {error}") from error
        if version != FORMAT:
            raise SealError(
                f"{GOLDEN_FILE} has format {version!r}; Holdfast here reads {FORMAT}",
                hint="python -m pip install --upgrade holdfast",
            )
        return cls(
            given=Payload.from_dict(data.get("input"), "input"),
            answer=Payload.from_dict(data.get("answer"), "answer"),
            params=params,
        )
