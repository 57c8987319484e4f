"""Whether the dynamic loader of a base will find what compiled code asks for."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from holdfast.image.base.needs import Code
from holdfast.image.base.open import Base
from holdfast.image.base.python import BasePython
from holdfast.image.base.tree import Found
from holdfast.redact import printable

# Libraries that no image brings, or that only parts ask for which nobody has to load.
_ELSEWHERE = (
    (re.compile(r"lib(cuda|nvidia-[a-z]+|nvcuvid|nvoptix|nvrm_\w+)\.so.*"),
     "the NVIDIA driver of the host brings it"),
    (re.compile(r"lib(ibverbs|rdmacm|mlx5|mlx4|fabric|pmix|ucp|ucs|uct|mpi|gdrapi)\.so.*"),
     "only fast networks between hosts need it"),
)  # fmt: skip
# Code that its package tries to load, and does without.
_TRIED = re.compile(r"(.+/)?plugins/.+|numba/np/ufunc/(omp|tbb)pool\..+")
# Where repaired wheels have what their own code asks for (auditwheel, delvewheel).
_BUNDLED = re.compile(r"[^/]+\.libs/.+")
# What Debian calls the packages of those that are missed most.
_PACKAGES = {
    "libgomp.so.1": "libgomp1",
    "libstdc++.so.6": "libstdc++6",
    "libgcc_s.so.1": "libgcc-s1",
    "libGL.so.1": "libgl1",
    "libglib-2.0.so.0": "libglib2.0-0",
    "libz.so.1": "zlib1g",
}


@dataclass(frozen=True, slots=True)
class Linking:
    """What was found: see `preflight.Preflight`."""

    problems: tuple[str, ...]
    notes: tuple[str, ...]


def linking(base: Base, python: BasePython, code: Sequence[Code]) -> Linking:
    """What of `code` will not be loaded on `base`, and why.

    A library that any wheel brings counts as there: packages find each other's by paths of their
    own, or load them first. Python's own are loaded before any.
    """
    fitting = [one for one in code if one.elf.machine == base.platform.machine]
    brought = _by_name(fitting)
    asked = _asked(fitting, brought)
    there, beyond = _loaded(base, python, asked)
    must = _must(fitting, brought)
    loaded = {id(one) for one in must}
    problems, notes = [*_foreign(code, base.platform.machine)], []
    for name in sorted(set(asked) - set(there)):
        loading = [one for one in asked[name] if id(one) in loaded]
        if loading and not _why(name):
            problems.append(_missing(name, loading))
        else:
            notes.append(f"{_missing(name, asked[name])}; {_why(name) or 'it does without'}")
    problems += [
        f"{name} is not there, and {printable(asker)} asks for it"
        for name, asker in sorted(beyond.items())
        if name not in brought
    ]
    return Linking(problems=(*problems, *_too_old(must, there)), notes=tuple(notes))


def _by_name(code: Iterable[Code]) -> dict[str, list[Code]]:
    """What wheels bring, by each name that others may ask for it by."""
    brought: dict[str, list[Code]] = {}
    for one in code:
        for name in one.names:
            brought.setdefault(name, []).append(one)
    return brought


def _must(code: Sequence[Code], brought: Mapping[str, Sequence[Code]]) -> list[Code]:
    """Code that has to load: all that packages may import or open, and what that asks for."""
    must = [
        one for one in code if not _TRIED.fullmatch(one.path) and not _BUNDLED.fullmatch(one.path)
    ]
    seen = {id(one) for one in must}
    for one in must:  # grows while it is read
        for name in one.elf.needed:
            further = [new for new in brought.get(name, ()) if id(new) not in seen]
            seen |= {id(new) for new in further}
            must += further
    return must


def _loaded(
    base: Base, python: BasePython, names: Iterable[str]
) -> tuple[dict[str, Found], dict[str, str]]:
    """What the base gives for `names`, and what that asks for in turn and does not find."""
    loader = base.loader()
    program = base.tree.find(python.path)
    there = loader.closure(program)[0] if program else {}
    beyond: dict[str, str] = {}
    for name in names:
        found = there.get(name) or loader.find(name)
        if found:
            further, missing = loader.closure(found)
            there = further | there | {name: found}
            beyond |= missing
    return there, beyond


def _asked(code: Iterable[Code], brought: Mapping[str, object]) -> dict[str, list[Code]]:
    """Names of libraries that no wheel brings, sorted: who asks for them."""
    asked: dict[str, list[Code]] = {}
    for one in code:
        for name in one.elf.needed:
            if PurePosixPath(name).name not in brought:
                asked.setdefault(name, []).append(one)
    return dict(sorted(asked.items()))


def _why(name: str) -> str:
    """Why a library need not be in the base; "" where it must."""
    return next((why for pattern, why in _ELSEWHERE if pattern.fullmatch(name)), "")


def _missing(name: str, asking: Sequence[Code]) -> str:
    packages = ", ".join(sorted({one.package for one in asking}))
    debian = f" (Debian has it in {_PACKAGES[name]})" if name in _PACKAGES else ""
    path = printable(asking[0].path)
    return f"{name} is not there, and {packages} asks for it: {path}{debian}"


def _foreign(code: Sequence[Code], machine: str) -> Iterator[str]:
    """Packages all of whose compiled code is for another machine; some bring it for several."""
    machines: dict[str, set[str]] = {}
    for one in code:
        machines.setdefault(one.package, set()).add(one.elf.machine)
    for package, found in sorted(machines.items()):
        if machine not in found:
            yield f"the code of {package} is for {', '.join(sorted(found))}, not for {machine}"


def _too_old(code: Iterable[Code], there: Mapping[str, Found]) -> Iterator[str]:
    """Libraries that lack symbol versions: the loader refuses those who ask for them."""
    lacking: dict[tuple[str, str], set[str]] = {}
    for one in code:
        for name, versions in one.elf.requires.items():
            elf = there[name].node.elf if name in there else None
            if elf and elf.defines:
                lacking.setdefault((name, one.package), set()).update({*versions} - {*elf.defines})
    for (name, package), missing in sorted(lacking.items()):
        if missing:
            yield f"{name} is too old for {package}, which needs {', '.join(sorted(missing))}"
