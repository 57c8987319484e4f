"""`holdfast image` beside buildah on an equivalent Dockerfile: seconds, bytes pushed, sizes.

    uv run python benchmarks/image/compare.py --rounds 5 [--project larger] [--scratch FOLDER]

    first     an image of a sealed model, of which nothing is there but the base and the wheels
    model     the model was trained again: nothing else is another
    package   one small package has another version

Each is built (buildah into its own storage, not compressed; Holdfast as an OCI layout, compressed)
and, from the same state again, built and pushed to a registry on loopback that has what came
before. Both push zstd. In turn, whole processes; what is printed are medians. `limit` is what no
image of compressed layers can do without: every wheel is read and its files compressed, on all
cores.
Needs root, buildah and docker-registry; nothing is fetched while it measures.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

from buildah import Buildah, make_base, warm, write_context
from layers import limit
from ours import Ours
from stand import CHANGES, PROJECTS, Stand, make_stand, packages, wheels_of
from store import registry


@dataclass(frozen=True, slots=True)
class Figures:
    """What was measured in one project, by (side, what, change)."""

    seconds: dict[tuple[str, str, str], list[float]] = field(default_factory=dict)
    sent: dict[tuple[str, str], int] = field(default_factory=dict)
    limit: list[float] = field(default_factory=list)

    def note(self, side: str, what: str, change: str, seconds: float) -> None:
        """One more round of it."""
        self.seconds.setdefault((side, what, change), []).append(seconds)
        print(f"  {side:9} {what:15} {change:8} {seconds:6.2f} s", file=sys.stderr)

    def middle(self, side: str, what: str, change: str) -> float:
        """The median, in seconds."""
        return median(self.seconds[side, what, change])


def timed(work: Callable[[], object]) -> float:
    """Seconds."""
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun


def round_of_buildah(stand: Stand, buildah: Buildah, contexts: Path, figures: Figures) -> None:
    """Each change built, then pushed, upon what was there before."""
    buildah.clear()
    buildah.take_base(stand.base)
    with registry() as there:
        for change in CHANGES:
            build = timed(lambda change=change: buildah.build(contexts / change, change))
            before = there.size()
            name = there.reference(change)
            push = timed(lambda change=change, name=name: buildah.push(change, name))
            figures.sent["buildah", change] = there.size() - before
            figures.note("buildah", "build", change, build)
            figures.note("buildah", "build and push", change, build + push)


def round_of_ours(stand: Stand, ours: Ours, scratch: Path, figures: Figures) -> None:
    """Each change built; then, from the same state, built and pushed."""
    ours.clear()
    with registry() as there, tempfile.TemporaryDirectory(dir=scratch) as folder:
        for change in CHANGES:
            model, before = stand.model(change), there.size()
            ours.snapshot(scratch / "before")
            layout = Path(folder, change)
            build = timed(lambda model=model, layout=layout: ours.build(model, layout))
            ours.back_to(scratch / "before")
            name = there.reference(change)
            push = timed(lambda model=model, name=name: ours.push(model, name))
            figures.sent["holdfast", change] = there.size() - before
            figures.note("holdfast", "build", change, build)
            figures.note("holdfast", "build and push", change, push)


def report(figures: Figures) -> None:
    """Print each side, and Holdfast against buildah."""
    print(f"{'seconds':26}{'buildah':>9}{'holdfast':>10}{'ratio':>7}")
    for what in ("build", "build and push"):
        for change in CHANGES:
            theirs, mine = (figures.middle(side, what, change) for side in ("buildah", "holdfast"))
            print(f"{what + ', ' + change:26}{theirs:9.2f}{mine:10.2f}{mine / theirs:7.2f}")
    least, first = median(figures.limit), figures.middle("holdfast", "build", "first")
    print(f"{'limit':26}{'':9}{least:10.2f}{least / first:7.2f} of the first build")
    print(f"\n{'bytes pushed':26}{'buildah':>14}{'holdfast':>14}{'ratio':>7}")
    for change in CHANGES:
        theirs, mine = (figures.sent[side, change] for side in ("buildah", "holdfast"))
        print(f"{change:26}{theirs:14,}{mine:14,}{mine / theirs:7.2f}")


def measure(stand: Stand, rounds: int) -> Figures:
    """Both sides in turn, again and again."""
    scratch, cache = stand.folder / f"{stand.project}-scratch", stand.folder / "uv-cache"
    contexts = scratch / "contexts"
    for change in CHANGES:
        warm(write_context(stand, stand.model(change), contexts / change), cache)
    buildah, ours = Buildah(scratch / "buildah", cache), Ours(stand, scratch / "home", cache)
    ours.fetch([stand.model(change) for change in CHANGES])
    figures = Figures()
    try:
        for _ in range(rounds):
            round_of_buildah(stand, buildah, contexts, figures)
            round_of_ours(stand, ours, scratch, figures)
            figures.limit.append(timed(lambda: limit(wheels_of(ours.home))))
    finally:
        buildah.clear()
    return figures


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--project", choices=PROJECTS, default="sklearn")
    parser.add_argument("--scratch", type=Path, help="kept for the next run")
    parser.add_argument("--json", type=Path, help="write every figure here")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory(suffix="stand") as name:
        stand = make_stand((chosen.scratch or Path(name)).resolve(), chosen.project)
        make_base(stand)
        figures = measure(stand, chosen.rounds)
        of_base = sum(path.stat().st_size for path in stand.base.rglob("blobs/sha256/*"))
        print(
            f"{chosen.project}: {packages(stand)} packages, base of {of_base / 1e6:.0f} MB, "
            f"{chosen.rounds} rounds\n"
        )
        report(figures)
    if chosen.json:
        seconds = {" / ".join(key): value for key, value in figures.seconds.items()}
        sent = {" / ".join(key): value for key, value in figures.sent.items()}
        chosen.json.write_text(json.dumps({"seconds": seconds, "sent": sent}, indent=1))


if __name__ == "__main__":
    main()
