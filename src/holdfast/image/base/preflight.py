"""Whether what stands on a base will start there, found out before anything is built.

Every problem is collected and said once. What only may matter, or somebody else brings when the
image is run, is a note.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from packaging.utils import InvalidWheelFilename, parse_wheel_filename

from holdfast.errors import InputError
from holdfast.image.base.linking import linking
from holdfast.image.base.needs import code_in
from holdfast.image.base.open import Base, target_of
from holdfast.image.base.python import BasePython
from holdfast.image.base.tree import Tree
from holdfast.redact import printable
from holdfast.seal.seal import SealedPython

# Where the TLS libraries of Debian, Red Hat, Alpine and SUSE look.
_CERTIFICATES = (
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/ssl/cert.pem",
    "/usr/lib/ssl/cert.pem",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/pki/tls/cert.pem",
    "/etc/ssl/ca-bundle.pem",
)
# What `holdfast serve` imports first; Debian's python3-minimal lacks them.
_LIBRARY = ("asyncio/__init__.py", "ctypes/__init__.py", "json/__init__.py", "ssl.py")
_FOR_ALL = 0o1777


@dataclass(frozen=True, slots=True, kw_only=True)
class Preflight:
    """What was found.

    Attributes:
        problems: Each a reason why the image would not start or not answer.
        notes: What its user should know.
    """

    problems: tuple[str, ...]
    notes: tuple[str, ...]

    def refuse(self) -> None:
        """Go on only where there is no problem.

        Raises:
            InputError: There are some; the message has them all.
        """
        if self.problems:
            raise InputError(
                "\n".join(["this base does not do for this model:", *self.problems]),
                hint="choose another base, or add to this one what is missing (docs/images.md)",
            )


def preflight(
    base: Base,
    python: BasePython,
    environments: Sequence[Mapping[str, Path]],
    sealed: SealedPython,
    *,
    kept: Path,
) -> Preflight:
    """Whether a model that was logged with `sealed`, and its image's environments, will start.

    Args:
        base: What they stand on.
        python: The interpreter in it.
        environments: The wheels of each, by package, checked: one does not see what another has.
        sealed: The Python that the model was logged with.
        kept: A folder of ours, where what was read of wheels is kept.

    Raises:
        InputError: A wheel cannot be read.
    """
    linked = [linking(base, python, code_in(wheels, kept / "code")) for wheels in environments]
    problems = (problem for one in linked for problem in one.problems)
    notes = (note for one in linked for note in one.notes)
    return Preflight(
        problems=(
            *_of_python(python, sealed),
            *_of_library(base, python),
            *_once(_of_tags(base, python, environments)),
            *_once(problems),
            *_of_tree(base.tree),
        ),
        notes=(*_about_python(python, sealed), *_once(notes)),
    )


def _once(said: Iterable[str]) -> Iterable[str]:
    return dict.fromkeys(said)


def _of_python(python: BasePython, sealed: SealedPython) -> Iterator[str]:
    minor = ".".join(sealed.version.split(".")[:2])
    if python.minor != minor or python.implementation != sealed.implementation:
        yield (
            f"its Python is {python.implementation} {python.version}; "
            f"the model was logged with {sealed.implementation} {sealed.version}"
        )
    elif _kind(python.abi) != _kind(sealed.abi):
        yield f"its Python's ABI is {_kind(python.abi)}; the model's was {_kind(sealed.abi)}"
    if not python.libc:
        yield f"the dynamic loader that {printable(python.path)} names, or its libc, is not there"
    for library, asker in sorted(python.missing.items()):
        yield f"{library} is not there, and {printable(asker)} cannot start without it"


def _of_library(base: Base, python: BasePython) -> Iterator[str]:
    if not python.library:
        yield f"{python.path} has no standard library beside it"
        return
    missing = [name for name in _LIBRARY if not base.tree.find(f"{python.library}/{name}")]
    if missing:
        modules = ", ".join(name.partition("/")[0].removesuffix(".py") for name in missing)
        yield f"its Python's standard library is not whole: {modules} of {python.library}"


def _about_python(python: BasePython, sealed: SealedPython) -> Iterator[str]:
    if python.version != sealed.version and python.minor == ".".join(sealed.version.split(".")[:2]):
        yield (
            f"the base has Python {python.version}; the model was logged with {sealed.version}, "
            "of the same minor release"
        )


def _kind(abi: str) -> str:
    """What of an ABI is the same on any machine: "cpython-311" (PEP 3149)."""
    return "-".join(abi.split("-")[:2])


def _of_tags(
    base: Base, python: BasePython, environments: Sequence[Mapping[str, Path]]
) -> Iterator[str]:
    """Wheels that are for another Python, another machine, or a newer libc."""
    taken = set(target_of(base, python).tags)
    for package, wheel in sorted(pair for wheels in environments for pair in wheels.items()):
        try:
            tags = parse_wheel_filename(wheel.name)[3]
        except InvalidWheelFilename:
            yield f"{wheel.name} is no wheel's name"
            continue
        if not tags & taken:
            wanted = ", ".join(sorted(map(str, tags)))
            yield (
                f"the wheel of {package} is for {wanted}, and does not fit Python {python.version} "
                f"on {base.platform} with {python.libc or 'no libc'}"
            )


def _of_tree(tree: Tree) -> Iterator[str]:
    if not any(tree.find(path) for path in _CERTIFICATES):
        yield f"it has no certificate bundle ({_CERTIFICATES[0]}, say): nothing could use TLS"
    temporary = tree.find("/tmp")  # noqa: S108 - the image's
    if temporary is None or temporary.node.mode & _FOR_ALL != _FOR_ALL:
        yield "it has no /tmp that everybody may write in (mode 1777)"
    if tree.find("/holdfast"):
        yield "it has a /holdfast already: a model's image is no base of another"
