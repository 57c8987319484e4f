"""The images. Nothing is downloaded; they ship with scikit-learn."""

from dataclasses import dataclass

import numpy as np
import torch
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch import Tensor


@dataclass(frozen=True)
class Digits:
    """Images, (n, 8, 8) of float32 from 0 to 16, and the digits that they show, (n,) of int64."""

    images: Tensor
    labels: Tensor


def load() -> tuple[Digits, Digits]:
    """Three quarters to learn from, and a quarter to test with; always the same."""
    loaded = load_digits()
    learn, test = train_test_split(
        np.arange(len(loaded.target)), test_size=0.25, random_state=7, stratify=loaded.target
    )
    images = torch.from_numpy(loaded.images.astype(np.float32))
    labels = torch.from_numpy(loaded.target.astype(np.int64))
    return Digits(images[learn], labels[learn]), Digits(images[test], labels[test])
