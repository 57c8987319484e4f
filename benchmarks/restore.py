"""Restoring an environment, against uv alone installing the same packages. Ratios of one run.

    python benchmarks/restore.py [ROUNDS]

uv's cache is warm and the environment is not in the store. "every byte hashed" has nothing to go
by; "ledger warm" has another environment with the same packages and one more in the store. Within
a round the order is fixed: installing or removing links to a file makes the ledger doubt it.
"""

from __future__ import annotations

import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from holdfast.environment.prune import throw_away
from holdfast.environment.spec import Spec
from holdfast.environment.store import Environment, Store
from holdfast.uv import run_uv

PACKAGES = ("scikit-learn", "pandas", "lightgbm", "mlflow", "matplotlib")
PYTHON = platform.python_version()


def lock(folder: Path, packages: tuple[str, ...]) -> Spec:
    """A project of `packages` in `folder`, locked by uv."""
    folder.mkdir()
    quoted = ", ".join(f'"{one}"' for one in packages)
    (folder / "pyproject.toml").write_text(
        '[project]\nname = "p"\nversion = "0"\n'
        f'requires-python = ">={PYTHON.rpartition(".")[0]}"\ndependencies = [{quoted}]\n'
    )
    run_uv(["lock", "--quiet", "--python", PYTHON], cwd=folder)
    export = ["export", "--quiet", "--no-emit-project", "--format", "pylock.toml"]
    return Spec(pylock=run_uv(export, cwd=folder), folder=folder, python=PYTHON)


def timed(work: Callable[[], object]) -> float:
    """Seconds."""
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun


def round_of(store: Store, project: Path, spec: Spec, earlier: Spec) -> dict[str, float]:
    """Every way once."""
    lockfile = project / "pylock.toml"
    lockfile.write_text(spec.pylock)

    def pip_sync() -> None:
        run_uv(["venv", "--quiet", "--no-project", "--python", PYTHON, "v"], cwd=project)
        python = str(project / "v" / "bin" / "python")
        run_uv(["pip", "sync", "--quiet", "--python", python, str(lockfile)], cwd=project)

    seconds = {
        "uv sync": timed(lambda: run_uv(["sync", "--quiet", "--python", PYTHON], cwd=project)),
        "uv venv + uv pip sync": timed(pip_sync),
    }
    shutil.rmtree(project / ".venv")
    shutil.rmtree(project / "v")
    for one in store.list():
        throw_away(store.layout, one.key)
    seconds["restore, every byte hashed"] = timed(lambda: store.restore(earlier))
    seconds["restore, ledger warm"] = timed(lambda: store.restore(spec))
    return seconds


def warm(store: Store, spec: Spec) -> tuple[float, float]:
    """Milliseconds of a call that finds its environment, here and as a process of its own."""
    calls = [timed(lambda: store.restore(spec)) for _ in range(20)]
    code = (
        "import sys; from pathlib import Path; from holdfast.environment.spec import Spec;"
        "from holdfast.environment.store import Store;"
        "spec = Spec(pylock=sys.stdin.read(), folder=Path(), python=sys.argv[1]);"
        "Store.open(Path(sys.argv[2])).restore(spec)"
    )
    command = [sys.executable, "-c", code, PYTHON, str(store.layout.home.parent)]
    processes = [
        timed(lambda: subprocess.run(command, input=spec.pylock, text=True, check=True))
        for _ in range(5)
    ]
    return statistics.median(calls) * 1e3, statistics.median(processes) * 1e3


def report(environment: Environment, rounds: list[dict[str, float]]) -> None:
    """Print medians, and each against `uv sync`."""
    inventory = environment.inventory()
    rows = [row for one in inventory.distributions for row in one.files]
    print(
        f"{len(inventory.distributions)} packages, {len(rows)} files, "
        f"{sum(row[1] for row in rows) / 1e6:.0f} MB, Python {PYTHON}, {len(rounds)} rounds\n"
    )
    base = statistics.median(one["uv sync"] for one in rounds)
    for name in rounds[0]:
        middle = statistics.median(one[name] for one in rounds)
        print(f"{name:28} {middle * 1e3:7.0f} ms {middle / base:6.2f} x uv sync")


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 7
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        spec = lock(folder / "project", PACKAGES)
        earlier = lock(folder / "earlier", (*PACKAGES, "iniconfig"))
        store = Store.open(folder / "home")
        # What the first ever call asks of uv and of the index.
        store.restore(earlier)
        environment = store.restore(spec)
        rounds = [round_of(store, folder / "project", spec, earlier) for _ in range(count)]
        report(environment, rounds)
        call, process = warm(store, spec)
        print(f"{'restore, it is there':28} {call:7.1f} ms  ({process:.0f} ms as a new process)")


if __name__ == "__main__":
    main()
