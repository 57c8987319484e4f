"""A model and its environment together, and a worker in it.

Only the lock and the wheels of a model are opened to restore it; a worker starts after every file
was compared with the seal.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from holdfast.environment.spec import Spec
from holdfast.environment.store import Environment, Store
from holdfast.environment.use import refuse_changed
from holdfast.model import Model
from holdfast.progress import Progress, silent
from holdfast.restore.lock import read_lock
from holdfast.worker.client import Worker


@dataclass(frozen=True, slots=True, kw_only=True)
class Slim:
    """How a slim environment stands to the whole one.

    Attributes:
        packages: How many it has.
        bytes: Of its files.
        whole_packages: How many the lock has for this machine.
        whole_bytes: Of the files of all those.
        left_out: Names of those that it does not have.
        unused: Of those, the ones that the model loaded where they were, and did not need.
        included: Those that were asked for by name.
    """

    packages: int
    bytes: int
    whole_packages: int
    whole_bytes: int
    left_out: tuple[str, ...] = ()
    unused: tuple[str, ...] = ()
    included: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Restored:
    """A model and its environment; `slim` is None where that is the whole one."""

    model: Model
    environment: Environment
    store: Store
    slim: Slim | None = None

    def check_environment(self) -> None:
        """Refuse an environment in which somebody has written, before its code runs.

        At a glance: a change that kept a file's size and time is what `verify` finds.

        Raises:
            MismatchError: A file came, went or was changed since the environment was built.
        """
        refuse_changed(self.store, self.environment)

    @contextmanager
    def lease(self) -> Iterator[Environment]:
        """Keep the environment from being pruned for as long as the block runs."""
        with self.store.lease(self.environment) as environment:
            yield environment


def restore_packages(
    model: Model,
    only: frozenset[str] | None = None,
    *,
    offline: bool = False,
    strict: bool = False,
    on_progress: Progress = silent,
) -> Restored:
    """The environment of a model's lock, from the store, or built if it is not there.

    Args:
        model: The model, opened.
        only: Names of the packages that are wanted of it; None for all.
        offline: Fetch nothing.
        strict: Refuse another patch release of Python than the sealed one.
        on_progress: Told what takes time, a line at a time.

    Raises:
        HoldfastError: Its environment cannot be had; each leaf says why.
    """
    model.check_recorded()
    store = Store.open()
    spec = spec_of(model, only, offline=offline, on_progress=on_progress)
    environment = store.restore(spec, offline=offline, strict=strict, on_progress=on_progress)
    return Restored(model=model, environment=environment, store=store)


@contextmanager
def open_worker(restored: Restored) -> Iterator[Worker]:
    """A worker with the model of `restored`, not loaded yet.

    Raises:
        MismatchError: A file of the model is not as it was sealed, or one of the environment was
            written since it was built: nothing was opened.
        ModelError: The process does not start.
    """
    restored.model.check_files()
    with restored.lease() as environment:
        restored.check_environment()
        python, pycache = environment.python, environment.pycache
        with Worker.start(python, restored.model.path, pycache=pycache) as worker:
            yield worker


def spec_of(
    model: Model, only: frozenset[str] | None, *, offline: bool, on_progress: Progress
) -> Spec:
    """What a model's seal asks of a store; `only` names the packages wanted of its lock.

    Raises:
        HoldfastError: Its lock is not as it was sealed, or there is none and none can be made.
    """
    seal = model.seal
    return Spec(
        pylock=read_lock(model, offline=offline, on_progress=on_progress),
        only=only,
        folder=model.path,
        python=seal.python.version,
        implementation=seal.python.implementation,
        indexes=tuple((index.name, index.url) for index in seal.indexes if index.url),
        records={name: one.record for name, one in seal.distributions.items()},
        recorded_on=(seal.python.abi, seal.python.libc),
    )
