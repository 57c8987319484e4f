"""Many processes, killed processes: one environment, whole or not at all."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time

from holdfast.environment.prune import throw_away

_RESTORE = """
import json, sys
from pathlib import Path
from holdfast.environment.store import Store
from holdfast.environment.spec import Spec
home, python = sys.argv[1:]
said = []
spec = Spec(pylock=sys.stdin.read(), folder=Path(), python=python)
environment = Store.open(Path(home)).restore(spec, on_progress=said.append)
print(json.dumps({"path": str(environment.path), "said": said}))
"""


def _start(store, spec) -> subprocess.Popen:
    process = subprocess.Popen(
        [sys.executable, "-c", _RESTORE, str(store.layout.home.parent), spec.python],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    process.stdin.write(spec.pylock)
    process.stdin.close()
    return process


def test_sixteen_at_once_build_once(store, locks):
    spec = locks.spec("six", "idna", "click")
    processes = [_start(store, spec) for _ in range(16)]
    answers = [json.loads(process.stdout.read()) for process in processes]
    assert [process.wait() for process in processes] == [0] * 16
    assert len({answer["path"] for answer in answers}) == 1
    said = [line for answer in answers for line in answer["said"]]
    assert sum("building an environment" in line for line in said) == 1
    assert any("waiting" in line for line in said)
    assert not list(store.layout.building.iterdir())
    assert not store.inspect(store.restore(spec)).paths


def test_fifty_killed_builds_leave_nothing_that_passes_for_finished(store, locks, own_cache):
    spec = locks.spec("six", "idna", "click")
    begun = time.perf_counter()
    key = store.restore(spec).key
    throw_away(store.layout, key)
    begun = time.perf_counter()
    store.restore(spec)
    seconds = time.perf_counter() - begun
    chance = random.Random(20251120)  # noqa: S311  # when to kill is no secret
    finished = 0
    for _ in range(50):
        throw_away(store.layout, key)
        child = os.fork()
        if child == 0:
            store.restore(spec)
            os._exit(0)
        time.sleep(chance.uniform(0, 1.2 * seconds))
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        if store.layout.environment(key).exists():
            finished += 1
        environment = store.restore(spec)
        assert environment.key == key
        assert not store.inspect(environment).paths
    assert finished < 50
    # What a killed child's uv still held is swept by the next that builds.
    throw_away(store.layout, key)
    time.sleep(0.5)
    store.restore(spec)
    assert not list(store.layout.building.iterdir())


def test_a_build_under_way_is_not_swept(store, locks):
    from holdfast.environment.build import sweep
    from holdfast.environment.lease import alone

    folder = store.layout.building / "key.1.aa"
    folder.mkdir()
    with alone(folder.with_name("key.1.aa.lock")):
        assert sweep(store.layout) == []
    assert sweep(store.layout) == ["key.1.aa"]
    assert not folder.exists()
