"""Where things stand in an image: the same paths whatever the model, so that layers are shared.

Paths of entries, without a leading slash; `absolute` is how a program in the image names one.
"""

from __future__ import annotations

from holdfast.image.layers.place import Place

ENVIRONMENT = "holdfast/environment"
GATEWAY = "holdfast/gateway"
MODEL = "holdfast/model"
HOME = "holdfast/home"
STORE = f"{HOME}/store"

# Whom the image runs as: a number that is nobody's elsewhere, as distroless images have it.
USER = 65532


def absolute(path: str) -> str:
    """As a program in the image names it."""
    return f"/{path}"


def place_of(folder: str, version: str) -> Place:
    """Where wheels go in the environment at `folder`, for a Python's full version."""
    return Place(root=absolute(folder), python_version=".".join(version.split(".")[:2]))
