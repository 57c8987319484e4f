"""The digits: from a folder, or downloaded once from where PyTorch keeps MNIST.

MNIST is by Yann LeCun, Corinna Cortes and Christopher Burges, CC BY-SA 3.0.
"""

from __future__ import annotations

import hashlib
import os
import sys
import tempfile
import urllib.request
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from digits.idx import DataError, read_idx

SIDE = 28
"""Pixels along each side of a digit."""

ADDRESS = "https://ossci-datasets.s3.amazonaws.com/mnist/{name}-ubyte.gz"
SHA256 = {
    "train-images-idx3": "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
    "train-labels-idx1": "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
    "t10k-images-idx3": "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
    "t10k-labels-idx1": "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
}
_PARTS = {"train": "train", "test": "t10k"}


@dataclass(frozen=True)
class Digits:
    """Pictures of digits, and which ones they are.

    Attributes:
        images: uint8, (n, 28, 28); 0 is paper, 255 is ink.
        labels: uint8, (n,); 0 to 9.
    """

    images: npt.NDArray[np.uint8]
    labels: npt.NDArray[np.uint8]

    def __len__(self) -> int:
        return len(self.labels)

    def split(self, share: float, seed: int) -> tuple[Digits, Digits]:
        """These in two, drawn at random: all but `share` of them, and `share` of them."""
        order = np.random.default_rng(seed).permutation(len(self))
        kept, apart = np.split(order, [len(self) - round(share * len(self))])
        return Digits(self.images[kept], self.labels[kept]), Digits(
            self.images[apart], self.labels[apart]
        )


def load(part: str, folder: Path | None = None) -> Digits:
    """The digits of a part of MNIST.

    Args:
        part: "train" or "test".
        folder: Where the IDX files are, with or without `.gz`; downloaded where it is None.

    Raises:
        DataError: A file is missing, cannot be had, or is not what it should be.
    """
    images, labels = (
        _file(f"{_PARTS[part]}-{what}", folder) for what in ("images-idx3", "labels-idx1")
    )
    digits = Digits(read_idx(images, dimensions=3), read_idx(labels, dimensions=1))
    if digits.images.shape != (len(digits), SIDE, SIDE):
        raise DataError(
            f"{images} has the shape {digits.images.shape}; "
            f"expected {(len(digits), SIDE, SIDE)}, for {len(digits)} labels"
        )
    if not len(digits) or digits.labels.max() > 9:
        raise DataError(f"{labels} has to hold digits, 0 to 9, and at least one")
    return digits


def _file(name: str, folder: Path | None) -> Path:
    if folder is None:
        return _downloaded(name)
    for path in (folder / f"{name}-ubyte.gz", folder / f"{name}-ubyte"):
        if path.is_file():
            return path
    raise DataError(f"{folder} has no {name}-ubyte.gz, packed or not")


def cache() -> Path:
    """Where downloads are kept."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "digits"


def _downloaded(name: str) -> Path:
    """The file, fetched if it is not here; what it must be is known beforehand."""
    path = cache() / f"{name}-ubyte.gz"
    if not path.exists():
        address = ADDRESS.format(name=name)
        print(f"fetching {address}", file=sys.stderr)
        try:
            with urllib.request.urlopen(address, timeout=60) as answer:  # noqa: S310 - https, above
                content = answer.read(64 << 20)
        except OSError as error:
            raise DataError(
                f"{address} cannot be had ({error}); --data names a folder with the files"
            ) from error
        found = hashlib.sha256(content).hexdigest()
        if found != SHA256[name]:
            raise DataError(f"{address} is not what it was: SHA-256 {found}")
        path.parent.mkdir(parents=True, exist_ok=True)
        # Under another name until it is whole: nobody may find half a file.
        with tempfile.NamedTemporaryFile(dir=path.parent, delete=False) as file:
            file.write(content)
        Path(file.name).replace(path)
    return path
