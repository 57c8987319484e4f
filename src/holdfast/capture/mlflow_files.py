"""MLflow's own files, from the lock: what anybody restores a model with who has no Holdfast.

requirements.txt, conda.yaml and python_env.yaml say the same. docs/stock-mlflow.md says who reads
which of them, from which folder, and what was tried.
"""

from __future__ import annotations

import json
import platform
import shutil
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from html import escape
from pathlib import Path
from typing import Any
from urllib.parse import quote

from packaging import tags
from packaging.tags import Tag

from holdfast.capture.material import WHEELS, Material
from holdfast.capture.wheels import BuiltWheel
from holdfast.lock.machines import MACHINES
from holdfast.lock.stock import Family, Line, is_hashed, own_files, stock_lines
from holdfast.project.installed import requirement_of
from holdfast.seal.seal import SealedIndex
from holdfast.seal.store import write_file

OF_MLFLOW = ("requirements.txt", "conda.yaml", "python_env.yaml")
_CONTINUED = " \\\n    "


def write_from_lock(folder: Path, lock: Mapping[str, Any], material: Material) -> None:
    """MLflow's files, and the wheels they name, in the folder of a model that has a `lock`."""
    _copy_wheels(folder, material.wheels)
    elsewhere = _elsewhere(lock, material.indexes)
    families = tuple(_families()) if elsewhere or not is_hashed(lock) else ()
    lines = stock_lines(lock, elsewhere=elsewhere, families=families)
    _write(folder, [*_options(folder, lock, lines, material.indexes), *lines])


def write_from_pins(folder: Path, material: Material) -> None:
    """What is known where hashes are not; code from a folder goes along all the same."""
    _copy_wheels(folder, material.wheels)
    _write(folder, [Line(text=text) for text in _pins(material)])


def _pins(material: Material) -> Iterator[str]:
    for pin in material.pins:
        name = pin.split("==")[0]
        one = material.installed.get(name)
        if name in material.wheels:
            yield f"./{WHEELS}/{material.wheels[name].path.name}"
        else:
            yield requirement_of(one) if one and one.direct_url else pin


def _copy_wheels(folder: Path, wheels: Mapping[str, BuiltWheel]) -> None:
    for wheel in wheels.values():
        (folder / WHEELS).mkdir(parents=True, exist_ok=True)
        shutil.copyfile(wheel.path, folder / WHEELS / wheel.path.name)


def _options(
    folder: Path, lock: Mapping[str, Any], lines: Iterable[Line], indexes: Iterable[SealedIndex]
) -> Iterator[Line]:
    """Where to look for what has a hash: among the model's wheels, and in the project's indexes."""
    own = own_files(lock)
    if own and is_hashed(lock):
        write_file(folder / WHEELS / "index.html", _page_of(own).encode())
        yield Line(text=f"--find-links {WHEELS}")
    declared = {index.url for index in indexes if index.url.startswith(("http:", "https:"))}
    for url in sorted(declared & {line.index for line in lines}):
        yield Line(text=f"--extra-index-url {url}")


def _page_of(files: Mapping[str, str]) -> str:
    """Pip reads this page in a folder of wheels.

    With their hashes it prefers them to files of their names and versions on an index.
    """
    names = {path.rpartition("/")[2]: sha256 for path, sha256 in sorted(files.items())}
    links = (f'<a href="{quote(name)}#sha256={h}">{escape(name)}</a>' for name, h in names.items())
    return "\n".join(("<!DOCTYPE html>", "<html><body>", *links, "</body></html>", ""))


def _elsewhere(lock: Mapping[str, Any], indexes: Iterable[SealedIndex]) -> set[str]:
    """The indexes of `lock` that are not the one which stock tools ask for everything."""
    declared = {index.url: index.default for index in indexes}
    used = Counter(package["index"] for package in lock["packages"] if "index" in package)
    usual = [url for url in used if declared.get(url)]
    usual = usual or [url for url, _ in used.most_common() if url not in declared][:1]
    return used.keys() - set(usual)


def _families() -> Iterator[Family]:
    """This machine, which takes what was installed here, and the other usual ones."""
    here = (sys.platform, platform.machine())
    yield _family(*here, tags.sys_tags())
    for one in MACHINES:
        if (one.system, one.processor) != here and sys.implementation.name == "cpython":
            yield _family(one.system, one.processor, one.tags(*sys.version_info[:2]))


def _family(system: str, processor: str, its_tags: Iterable[Tag]) -> Family:
    marker = f"sys_platform == '{system}' and platform_machine == '{processor}'"
    return Family(marker=marker, ranks={tag: rank for rank, tag in enumerate(its_tags)})


def _write(folder: Path, lines: list[Line]) -> None:
    here = sys.version.split()[0]
    text = "".join(f"{line.joined(_CONTINUED)}\n" for line in lines)
    write_file(folder / "requirements.txt", text.encode())
    write_file(folder / "conda.yaml", _conda(here, lines).encode())
    write_file(folder / "python_env.yaml", _python_env(here).encode())


def _conda(python: str, lines: Iterable[Line]) -> str:
    """All in one file: some take it, and nothing else of the model, to where they build."""
    # A JSON string is a YAML string, and JSON is written a hundred times as fast.
    pip = "".join(f"  - {json.dumps(line.joined(), ensure_ascii=False)}\n" for line in lines)
    head = f"name: mlflow-env\nchannels:\n- conda-forge\ndependencies:\n- python={python}\n- pip\n"
    return head + (f"- pip:\n{pip}" if pip else "")


def _python_env(python: str) -> str:
    # Pip is in every environment already. What is not would have to be hashed: MLflow's "local"
    # environment manager installs these together with the rest.
    return f"python: {python}\nbuild_dependencies:\n- pip\ndependencies:\n- -r requirements.txt\n"
