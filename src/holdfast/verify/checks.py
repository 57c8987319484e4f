"""The checks of a receipt, one function each."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from holdfast.environment.inspection import Finding, Inspection
from holdfast.errors import HoldfastError, InputError, MismatchError, ModelError
from holdfast.model import Model, read_golden
from holdfast.restore.replay import replay
from holdfast.restore.restored import Restored, open_worker
from holdfast.seal.agreement import Agreement
from holdfast.seal.grade import Grade
from holdfast.seal.seal import Seal
from holdfast.verify.receipt import Check, Status
from holdfast.worker.client import Worker

# What only a process in the environment can tell.
IN_THE_WORKER = ("python", "predictions")


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """How strictly to compare; see `verify`."""

    tolerance: float
    slim: bool
    slim_include: tuple[str, ...]
    offline: bool
    strict: bool
    timeout: float
    load: bool


def model_files(model: Model) -> Check:
    """Every file of the model's folder against the seal."""
    found = model.compare_files()
    details = (
        *(f"changed: {path}" for path in found.changed),
        *(f"missing: {path}" for path in found.missing),
        *(f"added: {path}" for path in found.extra),
    )
    count = len(model.seal.files)
    if found.matches:
        return _match("model-files", f"{count} files, every byte as sealed")
    return _mismatch("model-files", f"{len(details)} of {count} files differ", details)


def registry(model: Model) -> Check:
    """The seal against the one that the registry recorded for this version."""
    try:
        model.check_recorded()
    except MismatchError as error:
        return _mismatch("registry", error.message, (error.hint or "",))
    return _match("registry", "the seal that this version was recorded with")


def packages(restored: Restored) -> Check:
    """What is installed against what was installed when the model was logged.

    That the environment holds just what the lock selects was checked when it was built.
    """
    seal = restored.model.seal
    here = {one.name: one.version for one in restored.environment.inventory().distributions}
    if seal.grade is Grade.INFERRED or not seal.lock:
        return Check(
            name="packages",
            status=Status.UNPROVEN,
            summary=f"{len(here)} packages; the seal, {seal.grade.value!r}, has no lock",
        )
    sealed = {name: one.version for name, one in seal.distributions.items()}
    details = [
        f"{name}: sealed {sealed[name]}, here {here[name]}"
        for name in sorted(here.keys() & sealed.keys())
        if not _same(sealed[name], here[name])
    ]
    left_out = restored.slim.left_out if restored.slim else ()
    # Markers choose other packages on another platform; on the same one, the same.
    if _same_platform(restored):
        gone = sealed.keys() - here.keys() - set(left_out)
        details += [f"{name}: sealed {sealed[name]}, not here" for name in gone]
    if details:
        return _mismatch("packages", f"{len(details)} packages differ", tuple(sorted(details)))
    records = sum(bool(one.record) for name, one in seal.distributions.items() if name in here)
    summary = f"{len(here)} packages as locked, {records} sealed RECORDs compared"
    if restored.slim is None:
        return _match("packages", summary)
    note = f"{len(left_out)} of {restored.slim.whole_packages} left out; --json names them"
    return Check(
        name="packages",
        status=Status.MATCH,
        summary=f"{summary}; slim",
        details=(note,),
    )


def installed_files(restored: Restored, inspection: Inspection) -> Check:
    """Every installed byte against the wheels' RECORDs and the store's inventory."""
    details = (
        *(f"changed: {_of(finding)}" for finding in inspection.changed),
        *(f"missing: {_of(finding)}" for finding in inspection.missing),
    )
    if not details:
        return _match("installed-files", f"{inspection.files} files, every byte as its wheel says")
    key = restored.environment.key
    return _mismatch(
        "installed-files",
        f"{len(details)} of {inspection.files} files differ",
        (*details, f"to have it built again: holdfast env prune --key {key[:12]}"),
    )


def strays(inspection: Inspection, options: Options) -> Check:
    """Files that no wheel brought: a `.pth`, a sitecustomize, a module, a link."""
    details = [
        *(f"stray: {path}" for path in inspection.stray),
        *(f"link: {path}" for path in inspection.links),
        *(f"leaves the environment: {path}" for path in inspection.escaping),
    ]
    if options.strict:
        details += [f"bytecode: {path}" for path in inspection.bytecode]
    if details:
        return _mismatch("strays", f"{len(details)} files that no wheel brought", tuple(details))
    count = len(inspection.bytecode)
    note = (f"{count} bytecode files lie there; the worker never reads them",) if count else ()
    return Check(
        name="strays", status=Status.MATCH, summary="no file that no wheel brought", details=note
    )


def in_the_worker(restored: Restored, options: Options) -> Iterator[Check]:
    """The checks that `IN_THE_WORKER` names, in a worker of their own."""
    with open_worker(restored) as worker:
        yield python(restored, worker.describe())
        yield predictions(restored.model, worker, options)


def python(restored: Restored, described: dict[str, Any]) -> Check:
    """The Python that runs against the sealed one."""
    sealed = restored.model.seal.python
    here = restored.environment.python_version
    if here != sealed.version:
        return Check(
            name="python",
            status=Status.SUBSTITUTE,
            summary=f"{sealed.implementation} {here} stands in for {sealed.version}",
            details=("--strict refuses another patch release",),
        )
    build = str(described.get("build", ""))
    note = (f"another build: {build}", f"sealed: {sealed.build}") if build != sealed.build else ()
    status = Status.SUBSTITUTE if note else Status.MATCH
    return Check(
        name="python",
        status=status,
        summary=f"{sealed.implementation} {here}" + ("" if note else ", the sealed build"),
        details=note,
    )


def predictions(model: Model, worker: Worker, options: Options) -> Check:
    """The golden predictions, replayed."""
    seal = model.seal
    if not seal.golden.sha256:
        return unproven(seal)
    golden = read_golden(model)
    try:
        found = replay(golden, worker, timeout=options.timeout)
    except (InputError, ModelError) as error:
        return not_predicted(error)
    return compared(seal, found, options.tolerance)


def not_predicted(error: HoldfastError) -> Check:
    """What comes of golden predictions that the model does not answer at all."""
    return _mismatch("predictions", f"the model does not predict: {error.message}")


def unproven(seal: Seal) -> Check:
    """What comes of a seal without golden predictions."""
    return Check(name="predictions", status=Status.UNPROVEN, summary=seal.golden.reason)


def compared(seal: Seal, found: Agreement, tolerance: float) -> Check:
    """What comes of an answer that stands so to the golden one."""
    rows = f"{seal.golden.rows} golden predictions"
    if found.identical:
        return _match("predictions", f"{rows} replayed, identical to the bit")
    if not seal.golden.repeatable:
        note = (f"compared by shape and type only: {seal.golden.reason}",)
        if found.same_shape:
            summary = f"{rows} replayed, of the same shape and type"
            return Check(name="predictions", status=Status.MATCH, summary=summary, details=note)
        return _mismatch("predictions", f"another shape or type at {found.place}", note)
    where = (f"largest difference {found.largest:g} at {found.place}",)
    if found.within(tolerance):
        summary = f"{rows} replayed, within {tolerance:g}"
        return Check(name="predictions", status=Status.MATCH, summary=summary, details=where)
    return _mismatch("predictions", f"{rows} replayed, and they differ", where)


def _same(one: str, other: str) -> bool:
    from packaging.utils import canonicalize_version

    return one == other or canonicalize_version(one) == canonicalize_version(other)


def _same_platform(restored: Restored) -> bool:
    facts = restored.environment.inventory().interpreter.get("facts", {})
    return bool(facts.get("abi") == restored.model.seal.python.abi)


def _of(finding: Finding) -> str:
    owner = f" ({', '.join(finding.distributions)})" if finding.distributions else ""
    return finding.path + owner


def _match(name: str, summary: str) -> Check:
    return Check(name=name, status=Status.MATCH, summary=summary)


def _mismatch(name: str, summary: str, details: tuple[str, ...] = ()) -> Check:
    return Check(name=name, status=Status.MISMATCH, summary=summary, details=details)
