"""IDX, the format of MNIST's files: a type, a shape, and then nothing but the values.

Four bytes, 0 0 TYPE DIMENSIONS; the size of each dimension as a big-endian uint32; the values, row
by row. MNIST's are all unsigned bytes (type 8), and no others are read here.
"""

from __future__ import annotations

import gzip
import math
import struct
import zlib
from pathlib import Path

import numpy as np
import numpy.typing as npt

_UNSIGNED_BYTES = 8
_GZIP = b"\x1f\x8b"
# The largest file of MNIST's has 47 MB: what claims to be far more is no such file.
_MOST_BYTES = 1 << 30


class DataError(ValueError):
    """A file of digits is missing, or is not what it should be."""


def read_idx(path: Path, dimensions: int) -> npt.NDArray[np.uint8]:
    """The array in a file, which may be packed with gzip.

    Args:
        path: The file.
        dimensions: How many the array must have.

    Returns:
        uint8, of the shape that the file says.

    Raises:
        DataError: The file cannot be read, or is no IDX file of bytes with these dimensions.
    """
    content = _unpacked(path)
    if len(content) < 4:
        raise DataError(f"{path} is no IDX file: it has {len(content)} bytes")
    zero, kind, count = struct.unpack_from(">HBB", content)
    if (zero, kind, count) != (0, _UNSIGNED_BYTES, dimensions):
        raise DataError(
            f"{path} begins with {content[:4].hex(' ')}; expected 00 00 08 {dimensions:02x}"
        )
    start = 4 + 4 * dimensions
    if len(content) < start:
        raise DataError(f"{path} ends within its header")
    shape = struct.unpack_from(f">{dimensions}I", content, 4)
    if len(content) - start != math.prod(shape):
        raise DataError(
            f"{path} has {len(content) - start} values; its shape {shape} has {math.prod(shape)}"
        )
    return np.frombuffer(content, np.uint8, offset=start).reshape(shape)


def _unpacked(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            packed = file.read(2) == _GZIP
        with gzip.open(path) if packed else path.open("rb") as file:
            content = file.read(_MOST_BYTES + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(f"{path} cannot be read: {error}") from error
    if len(content) > _MOST_BYTES:
        raise DataError(f"{path} holds more than {_MOST_BYTES >> 20} MiB")
    return content
