"""Holdfast's side: `holdfast image`, whole processes, with a home of its own."""

from __future__ import annotations

import json
import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stand import Stand, run

# What was fetched, as uv's cache and buildah's base are there for the other side: wheels, and where
# the gateway's are.
_FETCHED = ("store/wheels", "gateway")


@dataclass(frozen=True, slots=True)
class Ours:
    """Holdfast with a home in which wheels may be, and nothing that was made of them."""

    stand: Stand
    home: Path
    cache: Path

    def fetch(self, models: list[Path], *options: str) -> None:
        """Have the wheels of all models and of the gateway; nothing is fetched from then on."""
        for model in models:
            with_network = self._command(
                model, "--output", str(self.home / "fetched.oci"), *options
            )
            run([one for one in with_network if one != "--offline"], cwd=self.home, **self._env)

    def clear(self) -> None:
        """Forget what was made of the wheels, and what was seen of the base."""
        aside = self.home.with_name(f"{self.home.name}-fetched")
        for name in _FETCHED:
            (aside / name).parent.mkdir(parents=True, exist_ok=True)
            (self.home / name).rename(aside / name)
        shutil.rmtree(self.home)
        aside.rename(self.home)

    def snapshot(self, folder: Path) -> None:
        """Remember in `folder` how the home is now."""
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(self.home, folder, symlinks=True, copy_function=_linked)

    def back_to(self, folder: Path) -> None:
        """The home as it was then."""
        shutil.rmtree(self.home)
        shutil.copytree(folder, self.home, symlinks=True, copy_function=_linked)

    def build(self, model: Path, layout: Path) -> dict[str, Any]:
        """Write an image as an OCI layout; what the command says of it."""
        return self._image(model, "--output", str(layout))

    def push(self, model: Path, reference: str, *options: str) -> dict[str, Any]:
        """Make an image and push it, writing it nowhere else."""
        return self._image(model, "--push", reference, *options)

    def _image(self, model: Path, *options: str) -> dict[str, Any]:
        said = run(self._command(model, *options), cwd=self.home, **self._env)
        built: dict[str, Any] = json.loads(said)
        return built

    def _command(self, model: Path, *options: str) -> list[str]:
        base = ["--base", str(self.stand.base), "--offline", "--json", "-q"]
        return [str(self.stand.holdfast), "image", str(model), *base, *options]

    @property
    def _env(self) -> dict[str, str]:
        self.home.mkdir(parents=True, exist_ok=True)
        return {"HOLDFAST_HOME": str(self.home), "UV_CACHE_DIR": str(self.cache)}


def _linked(source: str, target: str) -> None:
    """The same file: what Holdfast keeps is never written into, and known by its inode."""
    os.link(source, target, follow_symlinks=False)
