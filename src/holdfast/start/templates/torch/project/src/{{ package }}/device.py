"""The device that computes, chosen when the program runs."""

import torch

DEVICES = ("auto", "cpu", "cuda", "mps")


def choose_device(wanted: str) -> torch.device:
    """The device of that name, one of `DEVICES`; `auto` is the best that is there.

    Raises:
        ValueError: It is not there.
    """
    there = {
        "cuda": torch.cuda.is_available(),
        "mps": torch.backends.mps.is_available(),
        "cpu": True,
    }
    if wanted == "auto":
        return torch.device(next(name for name, found in there.items() if found))
    if not there.get(wanted):
        raise ValueError(f"there is no device {wanted!r} here; auto takes the best there is")
    return torch.device(wanted)
