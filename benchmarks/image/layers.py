"""Making layers of wheels, against what no maker of compressed layers can do without.

    pip download --only-binary :all: -d WHEELS scikit-learn mlflow
    python benchmarks/image/layers.py WHEELS [ROUNDS]

"limit" reads every wheel, unpacks it and compresses it with the same library and level, a thread a
core: no digests, no tar, nothing written. The others do all of that. Ratios of one run, medians.
"""

from __future__ import annotations

import hashlib
import os
import statistics
import sys
import tempfile
import time
import zipfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from packaging.utils import parse_wheel_filename

from holdfast.image.layers.compress import Compression, compressor
from holdfast.image.layers.group import group
from holdfast.image.layers.packages import Making, Pinned, package_layers
from holdfast.image.layers.place import Place

PLACE = Place(root="/holdfast/environment", python_version="3.11")


def pinned(wheels: list[Path]) -> dict[str, Pinned]:
    found = {}
    for wheel in wheels:
        name, version, _, _ = parse_wheel_filename(wheel.name)
        sha256 = hashlib.sha256(wheel.read_bytes()).hexdigest()
        found[name] = Pinned(name=name, version=str(version), sha256=sha256)
    return found


def limit(wheels: list[Path]) -> None:
    """Unpack and compress; a wheel is a task."""

    def one(wheel: Path) -> None:
        packer = compressor(Compression.ZSTD)
        with zipfile.ZipFile(wheel) as archive:
            for name in archive.namelist():
                packer.compress(archive.read(name))
        packer.flush()

    by_size = sorted(wheels, key=lambda one: -one.stat().st_size)
    with ThreadPoolExecutor(len(os.sched_getaffinity(0))) as threads:
        list(threads.map(one, by_size))


def timed(work: Callable[[], object]) -> float:
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun


def round_of(wheels: list[Path], kept: Path) -> dict[str, float]:
    pins = pinned(wheels)
    paths = dict(zip(pins, wheels, strict=True))
    names = group({name: path.stat().st_size for name, path in paths.items()}, 100)
    groups = [[pins[name] for name in one] for one in names]

    def make(compression: Compression) -> None:
        making = Making(place=PLACE, compression=compression, kept=kept)
        package_layers(groups, making, lambda _: paths)

    found = {"limit (zstd)": timed(lambda: limit(wheels))}
    for compression in Compression:
        found[f"made, {compression.value}"] = timed(lambda how=compression: make(how))
    found["taken, zstd"] = timed(lambda: make(Compression.ZSTD))
    return found


def main() -> None:
    wheels = sorted(Path(sys.argv[1]).glob("*.whl"))
    rounds = int(sys.argv[2]) if len(sys.argv) > 2 else 5  # noqa: PLR2004
    seen: dict[str, list[float]] = {}
    for _ in range(rounds):
        with tempfile.TemporaryDirectory() as kept:
            for what, seconds in round_of(wheels, Path(kept)).items():
                seen.setdefault(what, []).append(seconds)
    unpacked = sum(info.file_size for wheel in wheels for info in zipfile.ZipFile(wheel).infolist())
    print(f"{len(wheels)} wheels, {unpacked / 1e6:.0f} MB unpacked, median of {rounds}")
    base = statistics.median(seen["limit (zstd)"])
    for what, times in seen.items():
        print(f"{what:14}{statistics.median(times):8.3f} s{statistics.median(times) / base:8.3f}")


if __name__ == "__main__":
    main()
