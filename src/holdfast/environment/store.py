"""The store of environments: restore, lease, inspect, list, prune.

One folder of the user's, shared by all of their models: two models with one lock and one Python
share one environment. An environment that has its name in the store was checked, byte by byte,
before it got it, and is never changed after.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from holdfast.environment.counts import Outcome, count
from holdfast.environment.layout import Layout, explained, open_layout, write_whole
from holdfast.environment.lease import alone, alone_if_free, note_use, together
from holdfast.environment.python import Interpreter, choose_python, read_facts, surroundings
from holdfast.environment.spec import Spec
from holdfast.errors import HoldfastError, StoreError
from holdfast.progress import Progress, silent

if TYPE_CHECKING:
    from datetime import timedelta

    from holdfast.environment.inspection import Inspection
    from holdfast.environment.inventory import Inventory
    from holdfast.environment.plan import Plan
    from holdfast.environment.prune import Listed


@dataclass(frozen=True, slots=True, kw_only=True)
class Environment:
    """A restored environment.

    It is never written to: its Python is run with `-X pycache_prefix=<pycache>`, or with -B.

    Attributes:
        key: Its name in the store.
        path: Its folder.
        python: Its interpreter, `bin/python`; not to be resolved, or it loses the environment.
        site_packages: Where its packages lie.
        pycache: Where its bytecode may be written, mode 0700; None in an image, where bytecode
            lies beside its source or nowhere.
        python_version: Full version of the interpreter.
        exact: Whether that is the release that was asked for.
        inventory_path: The inventory written when it was built.
    """

    key: str
    path: Path
    python: Path
    site_packages: Path
    pycache: Path | None
    python_version: str
    exact: bool
    inventory_path: Path

    def inventory(self) -> Inventory:
        """What was in it when it was built.

        Raises:
            StoreError: The inventory is gone or cannot be read.
        """
        from holdfast.environment.inventory import read_inventory

        return read_inventory(self.inventory_path)


@dataclass(frozen=True, slots=True)
class Store:
    """The environments of one user.

    Attributes:
        layout: Its folders.
    """

    layout: Layout

    @classmethod
    def open(cls, home: Path | None = None) -> Store:
        """The store at `home`, else at HOLDFAST_HOME, else in the user's cache folder.

        Raises:
            StoreError: It cannot be made, or others can write to it.
        """
        return cls(open_layout(home))

    def restore(
        self,
        spec: Spec,
        *,
        offline: bool = False,
        strict: bool = False,
        on_progress: Progress = silent,
    ) -> Environment:
        """The environment of a lock, built if it is not here yet.

        What is returned is safe from `prune` for its minimum age (ten minutes) and for as long as
        a lease on it is held; take the lease within that time.

        Args:
            spec: The lock and the Python.
            offline: Fetch nothing.
            strict: Refuse another patch release of Python than the one asked for.
            on_progress: Told what takes time, a line at a time.

        Raises:
            LockError: The lock cannot be read, or has nothing for this machine.
            MismatchError: What was fetched or installed is not what was locked or sealed.
            StoreError: The store cannot be written, the disk is full, or it is an image's and has
                another environment.
            ToolError: uv, the network, an index failed, or there is no such Python.
        """
        with explained("the store cannot be used"):
            digest = spec.digest()
            known = self._known(digest)
            if known is not None and (known.exact or not strict):
                count(self.layout, Outcome.FOUND)
                return known
            self._refuse_if_fixed(spec, known)
            interpreter = choose_python(
                spec.python,
                spec.implementation,
                offline=offline,
                strict=strict,
                remembered=self.layout.pythons,
                on_progress=on_progress,
            )
            return self._restored(spec, digest, interpreter, offline, on_progress)

    def _known(self, digest: str) -> Environment | None:
        """What these inputs came to before, if it is here and its Python is the same file."""
        try:
            request = json.loads(self.layout.request(digest).read_bytes())
            if not _is_as_it_was(request):
                return None
            environment = self._environment(request)
            # Nor may its program be another one than that: it is run before anything is compared.
            if os.path.realpath(environment.python) != request["python"]:
                return None
        except (OSError, ValueError, KeyError, TypeError):
            return None
        return environment if self._touch(environment.key) else None

    def _refuse_if_fixed(self, spec: Spec, known: Environment | None) -> None:
        """Say so where nothing can be added: nobody looks for a Python in vain."""
        if os.access(self.layout.building, os.W_OK):
            return
        found = (
            f"Python {known.python_version}, not {spec.python}" if known else "no such environment"
        )
        raise StoreError(
            f"the store at {self.layout.home} has {found}, and nothing can be added to it",
            hint="what is asked for is decided when an image is made; else set HOLDFAST_HOME to a "
            "folder of your own",
        )

    def _environment(self, request: dict[str, Any]) -> Environment:
        key = request["key"]
        # In an image the name is a link: paths there do not depend on it.
        path = self.layout.environment(key).resolve()
        return Environment(
            key=key,
            path=path,
            python=path / "bin" / "python",
            site_packages=path / request["site_packages"],
            pycache=None if request["identity"] is None else self.layout.pycache(key),
            python_version=request["version"],
            exact=request["exact"],
            inventory_path=self.layout.inventory(key),
        )

    def _touch(self, key: str) -> bool:
        """Note that `key` is used now; whether it is there. Prune cannot come in between."""
        with together(self.layout.lease_lock(key)) as descriptor:
            note_use(descriptor)
            python = self.layout.environment(key) / "bin" / "python"
            return python.exists() and self.layout.inventory(key).exists()

    def _restored(
        self,
        spec: Spec,
        digest: str,
        interpreter: Interpreter,
        offline: bool,  # noqa: FBT001
        on_progress: Progress,
    ) -> Environment:
        from holdfast.environment.plan import make_plan

        plan = make_plan(spec.pylock, interpreter, spec.only)
        usable = self._usable(plan)
        if not usable:
            self._build(plan, spec, offline, on_progress)
        count(self.layout, Outcome.SHARED if usable else Outcome.BUILT)
        request = self._request(plan)
        environment = self._environment(request)
        if spec.records:
            from holdfast.environment.sealed import compare_records

            compare_records(environment.path, environment.inventory(), plan, spec)
        write_whole(self.layout.request(digest), json.dumps(request))
        return environment

    def _build(self, plan: Plan, spec: Spec, offline: bool, on_progress: Progress) -> None:  # noqa: FBT001
        from holdfast.environment.build import Job, build

        def waiting() -> None:
            on_progress("another process builds this environment: waiting for it")

        with alone(self.layout.build_lock(plan.key), waiting):
            if self._usable(plan):
                return
            self._clear_away(plan.key)
            job = Job(
                layout=self.layout, plan=plan, spec=spec, offline=offline, on_progress=on_progress
            )
            build(job)

    def _usable(self, plan: Plan) -> bool:
        """Whether the key's environment is there and its Python is still what it was built on."""
        if not self._touch(plan.key):
            return False
        python = (self.layout.environment(plan.key) / "bin" / "python").resolve()
        if python == plan.interpreter.path:
            return True
        try:
            facts = read_facts(python, self.layout.pythons)
        except HoldfastError:
            return False
        same = ("implementation", "version", "abi", "libc")
        return all(facts[name] == plan.interpreter.facts[name] for name in same)

    def _clear_away(self, key: str) -> None:
        """Take a broken environment (its Python is gone or another) out of a build's way."""
        path = self.layout.environment(key)
        if not path.exists():
            return
        from holdfast.environment.prune import throw_away

        with alone_if_free(self.layout.lease_lock(key)) as free:
            if not free:
                raise StoreError(
                    f"the environment {path} has lost its Python and is in use",
                    hint="stop the process that uses it",
                )
            throw_away(self.layout, key)

    def _request(self, plan: Plan) -> dict[str, Any]:
        """What a later restore with the same inputs needs to know."""
        python = (self.layout.environment(plan.key) / "bin" / "python").resolve()
        found = python.stat()
        (site_packages,) = self.layout.environment(plan.key).glob("lib/*/site-packages")
        return {
            "key": plan.key,
            "python": str(python),
            "identity": [found.st_size, found.st_mtime_ns],
            "version": plan.interpreter.version,
            "exact": plan.interpreter.exact,
            "surroundings": surroundings(),
            "site_packages": str(site_packages.relative_to(self.layout.environment(plan.key))),
        }

    @contextmanager
    def lease(self, environment: Environment) -> Iterator[Environment]:
        """Keep an environment from being pruned for as long as the block runs.

        The kernel ends the lease of a process that dies.

        Raises:
            StoreError: It was pruned already: restore it again.
        """
        with explained("the store cannot be used"):
            lock = self.layout.lease_lock(environment.key)
        with together(lock) as descriptor:
            note_use(descriptor)
            if not environment.python.exists():
                raise StoreError(
                    f"the environment {environment.path} is gone", hint="restore it again"
                )
            yield environment

    def glance(self, environment: Environment) -> Inspection:
        """What can be seen of an environment in a twentieth of a second: files come, gone, written.

        For whoever is about to run it; `inspect` reads every byte.

        Raises:
            StoreError: It cannot be read.
        """
        from holdfast.environment.inspection import glance

        return glance(environment.path, environment.inventory())

    def inspect(self, environment: Environment) -> Inspection:
        """Hash all of an environment and compare it with its inventory and its RECORDs.

        Raises:
            StoreError: It cannot be read.
        """
        from holdfast.environment.inspection import inspect_environment

        return inspect_environment(environment.path, environment.inventory())

    def list(self) -> tuple[Listed, ...]:
        """Every environment that is here, the longest unused first."""
        from holdfast.environment.prune import list_environments

        return list_environments(self.layout)

    def prune(
        self,
        *,
        older_than: timedelta | None = None,
        max_bytes: int | None = None,
        key: str | None = None,
        dry_run: bool = False,
    ) -> tuple[Listed, ...]:
        """Remove environments that nobody uses, the longest unused first.

        Args:
            older_than: Those not used for this long.
            max_bytes: As many as it takes to bring all of them under this size.
            key: The one of this name, however lately it was used.
            dry_run: Remove nothing; say what would go.

        Returns:
            What was removed. Without a choice only the remains of dead builds go.
        """
        from holdfast.environment.prune import prune_environments

        return prune_environments(
            self.layout, older_than=older_than, max_bytes=max_bytes, key=key, dry_run=dry_run
        )


def _is_as_it_was(request: dict[str, Any]) -> bool:
    """Whether a request's Python is the same file, and still the best that can be had."""
    # Written with an image, as the Python was: nothing but the two together comes or goes.
    if request["identity"] is None:
        return True
    found = os.stat(request["python"])  # noqa: PTH116
    if request["identity"] != [found.st_size, found.st_mtime_ns]:
        return False
    # A Python that is not the very one may have been joined by it since.
    return bool(request["exact"] or request["surroundings"] == surroundings())
