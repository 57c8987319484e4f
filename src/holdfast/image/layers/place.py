"""Where wheels go in an image. A value of its own, so that to name it loads no library."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A virtual environment in the image, where wheels go.

    Attributes:
        root: Absolute: "/holdfast/environment".
        python_version: As its folders have it: "3.11", "3.13t".
    """

    root: str
    python_version: str

    @property
    def site_packages(self) -> str:
        """Where modules go, absolute."""
        return f"{self.root}/lib/python{self.python_version}/site-packages"

    @property
    def bin(self) -> str:
        """Where scripts go, absolute."""
        return f"{self.root}/bin"

    @property
    def python(self) -> str:
        """What scripts are run with, absolute."""
        return f"{self.root}/bin/python"

    def scheme(self, name: str, distribution: str) -> str:
        """Where a scheme of a distribution's wheel goes, absolute; headers as venvs have them."""
        headers = f"{self.root}/include/site/python{self.python_version}/{distribution}"
        places = {"scripts": self.bin, "data": self.root, "headers": headers}
        return places.get(name, self.site_packages)
