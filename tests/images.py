"""Images of sealed models, made by the command line once in a run, and what they have to answer."""

from __future__ import annotations

import base64
import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest

from bundles import Unpacked, unpack
from containers import running
from kit import Holdfast, made_once
from small import Small

JSON = {"content-type": "application/json"}
# What pull and push would otherwise take from whoever runs the tests.
_NOT_OURS = {"DOCKER_CONFIG": os.devnull, "REGISTRY_AUTH_FILE": os.devnull}


@dataclass(frozen=True)
class Made:
    """An image.

    Attributes:
        model: The sealed model that it serves.
        layout: The OCI layout that it stands in.
        said: What the command said of it.
    """

    model: Path
    layout: Path
    said: dict[str, Any]

    @property
    def layers(self) -> list[str]:
        """Digests, the base's first."""
        return layers(self.said)

    @property
    def files(self) -> Unpacked:
        """Of the image, on disk; where `once` made it."""
        return Unpacked(self.layout.with_name("bundle"))


def layers(said: dict[str, Any]) -> list[str]:
    """Digests of an image's layers, the base's first."""
    (image,) = said["images"]
    return [layer["digest"] for layer in image["layers"]]


@dataclass(frozen=True)
class Workshop:
    """The command line with a base, and a home that keeps wheels and layers."""

    holdfast: Holdfast
    base: Path
    root: Path

    def make(self, model: Path, *options: str | Path, **env: str) -> dict[str, Any]:
        """What `holdfast image` says; it has to succeed."""
        given = ("--base", self.base, "--json", "-q", *options)
        ran = self.holdfast("image", model, *given, **_NOT_OURS, **env)
        assert ran.code == 0, ran
        said: dict[str, Any] = json.loads(ran.out)
        return said

    def once(self, name: str, model: Path) -> Made:
        """An image and its files on disk, made once in a run."""

        def make(folder: Path) -> None:
            said = self.make(model, "-o", folder / "layout")
            (folder / "said.json").write_text(json.dumps(said))
            unpack(folder / "layout", folder / "bundle")

        folder = made_once(self.root, f"image-{name}", make)
        return Made(model, folder / "layout", json.loads((folder / "said.json").read_text()))


@pytest.fixture(scope="session")
def workshop(quick_base: Path, tmp_path_factory: pytest.TempPathFactory) -> Workshop:
    """One for all of xdist's processes."""
    root = tmp_path_factory.getbasetemp()
    folder = made_once(root, "workshop", lambda _: None)
    return Workshop(Holdfast(home=folder / "home", folder=folder), quick_base, root)


@pytest.fixture(scope="session")
def small_image(small: Small, workshop: Workshop) -> Made:
    """The image of the small model."""
    return workshop.once("small", small.model)


def golden(model: Path) -> tuple[str, list[Any]]:
    """A request with the input of the golden predictions, and their answers, a row each."""
    answer = json.loads((model / "holdfast" / "golden.json").read_text())["answer"]
    header = answer["header"]
    (one,) = header["tensors"] if header["kind"] == "tensors" else header["columns"]
    buffer = base64.b64decode(answer["buffers"][one["buffers"][0]])
    shape = one.get("shape", [header.get("rows", -1)])
    values = np.frombuffer(buffer, one["type"]).reshape(shape).tolist()
    return (model / "serving_input_example.json").read_text(), values


def answered(reply: dict[str, Any]) -> list[Any]:
    """The predictions of an answer of `/invocations`, a row each, without a column's name."""
    return [
        next(iter(row.values())) if isinstance(row, dict) else row for row in reply["predictions"]
    ]


def answers_as_sealed(image: Made, **settings: Any) -> None:
    """Run it: `/invocations` says what the golden predictions say, and SIGTERM ends it."""
    request, answers = golden(image.model)
    with running(image.files, **settings) as container:
        reply = httpx.post(
            f"{container.url}/invocations", content=request, headers=JSON, timeout=60
        )
        assert reply.status_code == httpx.codes.OK, reply.text
        assert answered(reply.json()) == answers
        assert container.stop() == 0, container.said
