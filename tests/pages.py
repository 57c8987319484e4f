"""Seals for pages: an honest one, and one that somebody wrote to do harm."""

from __future__ import annotations

from dataclasses import replace

from holdfast.seal.digest import FileDigest
from holdfast.seal.golden import Golden, Payload
from holdfast.seal.grade import Grade
from holdfast.seal.seal import (
    Difference,
    Seal,
    SealedDistribution,
    SealedGolden,
    SealedIndex,
    SealedProject,
    SealedPython,
    SealedWheel,
)
from holdfast.worker.payload import encode

DIGEST = "ab" * 32


SEAL = Seal(
    created="2026-11-20T12:00:00+00:00",
    grade=Grade.FROZEN,
    reasons=("installed is not what uv.lock says",),
    python=SealedPython(
        implementation="cpython",
        version="3.11.7",
        abi="cpython-311",
        libc="glibc-2.36",
        platform="linux-x86_64",
        build="3.11.7 (main)",
    ),
    lock=DIGEST,
    project=SealedProject(
        name="churn", version="2.4.0", commit="c0ffee" * 7, dirty=True, extras=("gpu",)
    ),
    golden=SealedGolden(sha256=DIGEST, rows=2, repeatable=True, reason=""),
    distributions={
        "numpy": SealedDistribution(version="2.4.6", record=DIGEST, size=57_000_000),
        "pandas": SealedDistribution(version="3.1.1", record=DIGEST, size=43_000_000),
        "churn": SealedDistribution(version="2.4.0", record=""),
    },
    wheels=(
        SealedWheel(name="churn", version="2.4.0", path="holdfast/wheels/churn.whl", sha256=DIGEST),
    ),
    drift=(
        Difference(name="pandas", locked="3.0.0", installed="3.1.1"),
        Difference(name="six", locked="1.17.0", installed=None),
    ),
    indexes=(
        SealedIndex(name="house", url="https://packages.example/simple", packages=("pandas",)),
        SealedIndex(name="disk", url=""),
    ),
    files={
        "MLmodel": FileDigest(size=700, sha256=DIGEST),
        "model.pkl": FileDigest(size=3_000_000, sha256=DIGEST),
        "holdfast/wheels/churn.whl": FileDigest(size=1200, sha256=DIGEST),
    },
    tools={"holdfast": "0.1.0", "uv": "0.13.8", "mlflow": "3.17.2"},
)


EVIL = "\"><script>alert('holdfast')</script><img src=x onerror=alert(1)>\u202egnp.exe\ud800\x1b[2J"


# Every text of it is an attack.
HOSTILE = replace(
    SEAL,
    created=EVIL,
    reasons=(EVIL, "x" * 100_000),
    python=SealedPython(
        **dict.fromkeys(("implementation", "version", "abi", "libc", "platform", "build"), EVIL)
    ),
    project=SealedProject(
        name=EVIL, version=EVIL, commit=EVIL, dirty=True, extras=(EVIL,), groups=(EVIL,)
    ),
    golden=SealedGolden(sha256=EVIL, rows=1, repeatable=False, reason=EVIL),
    distributions={
        EVIL: SealedDistribution(version=EVIL, record=EVIL, size=1 << 60),
        "long" * 10_000: SealedDistribution(version="9" * 10_000, record="", size=1 << 59),
    },
    wheels=(SealedWheel(name=EVIL, version=EVIL, path=EVIL, sha256=EVIL),),
    drift=(Difference(name=EVIL, locked=EVIL, installed=EVIL),),
    indexes=(SealedIndex(name=EVIL, url=EVIL, packages=(EVIL,)),),
    files={EVIL: FileDigest(size=1, sha256=EVIL)},
    tools={EVIL: EVIL},
)


def payload(value) -> Payload:
    header, buffers = encode(value)
    return Payload(header=header, buffers=tuple(map(bytes, buffers)))


def golden_of(given, answer) -> Golden:
    return Golden(given=payload(given), answer=payload(answer), params=None)
