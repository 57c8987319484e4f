"""The seal, as values: what stands in `holdfast/seal.json`. `docs/seal-format.md` specifies it.

Reading and writing files is `store.py`'s work; this module only knows dictionaries.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from holdfast.errors import SealError
from holdfast.seal.digest import FileDigest
from holdfast.seal.grade import Grade
from holdfast.seal.read import Reader

FORMAT = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class SealedPython:
    """The Python that the model was logged with.

    Attributes:
        implementation: "cpython".
        version: "3.11.7".
        abi: SOABI, "cpython-311-x86_64-linux-gnu".
        libc: "glibc-2.36" or "".
        platform: `sysconfig.get_platform()`, "linux-x86_64".
        build: `sys.version`, for people to compare.
    """

    implementation: str
    version: str
    abi: str
    libc: str
    platform: str
    build: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SealedDistribution:
    """One installed distribution: its version and the digest of its RECORD.

    `record` is the SHA-256 of the RECORD's rows less those an installer writes (`project.installed`
    says which), so that one wheel gives one digest wherever it is installed; "" where there was no
    RECORD (an editable install, say). `size` is the bytes that the RECORD counts, 0 where that is
    not known.
    """

    version: str
    record: str
    size: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class SealedWheel:
    """First-party code: the wheel built from it at log time, relative to the model's folder."""

    name: str
    version: str
    path: str
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """Where the installed environment was not what the lock says; None where it was not there."""

    name: str
    locked: str | None
    installed: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class SealedIndex:
    """An index of packages that the project declares; never with credentials.

    Attributes:
        name: "" where it has none.
        url: "" for a folder on the disk of the machine that the model was logged on.
        explicit: Asked for nothing but the packages that are bound to it.
        default: In the place of uv's own default index.
        packages: The names that are bound to it: they are asked of no other.
    """

    name: str
    url: str
    explicit: bool = False
    default: bool = False
    packages: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class SealedGolden:
    """What is known of the golden predictions.

    Attributes:
        sha256: Digest of `holdfast/golden.json`, or "" where there are none.
        rows: Rows of the input example that were predicted.
        repeatable: Whether two predictions at log time were identical, bit by bit.
        reason: Why there are none, or why they are not repeatable; "" otherwise.
    """

    sha256: str
    rows: int
    repeatable: bool
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SealedProject:
    """The project the model came from, and its wishes; no path of the machine it was on."""

    name: str
    version: str
    commit: str
    dirty: bool
    extras: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    slim_include: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Seal:
    """Everything that Holdfast says of a model, and can be held to.

    Attributes:
        created: UTC, ISO 8601 to the second.
        grade: What it vouches for.
        reasons: Why the grade is not a better one, a sentence each.
        lock: SHA-256 of `pylock.toml`, or "" for a grade without one.
        distributions: What was installed, of what the lock names.
        files: Every file of the model's folder but this one.
        tools: Versions of what made the seal: holdfast, uv, mlflow.
    """

    created: str
    grade: Grade
    reasons: tuple[str, ...]
    python: SealedPython
    lock: str
    project: SealedProject
    golden: SealedGolden
    distributions: Mapping[str, SealedDistribution] = field(default_factory=dict)
    wheels: tuple[SealedWheel, ...] = ()
    drift: tuple[Difference, ...] = ()
    indexes: tuple[SealedIndex, ...] = ()
    files: Mapping[str, FileDigest] = field(default_factory=dict)
    tools: Mapping[str, str] = field(default_factory=dict)
    format: int = FORMAT

    def to_dict(self) -> dict[str, Any]:
        """As JSON has it."""
        return {**asdict(self), "grade": self.grade.value}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Seal:
        """Read what `to_dict` wrote, of this format or an older one.

        Raises:
            SealError: A newer format, or anything missing or of the wrong type: the message has
                its place, as in `files['model.pkl'].size`.
        """
        top = Reader(data, "")
        version = top.integer("format")
        if version > FORMAT:
            raise SealError(
                f"this seal has format {version}; Holdfast here reads up to {FORMAT}",
                hint="python -m pip install --upgrade holdfast",
            )
        return cls(
            format=version,
            created=top.text("created"),
            grade=top.value("grade", Grade),
            reasons=top.texts("reasons"),
            python=top.record("python", SealedPython),
            lock=top.text("lock"),
            project=top.record("project", SealedProject),
            golden=top.record("golden", SealedGolden),
            distributions=top.records_by_name("distributions", SealedDistribution),
            wheels=top.records("wheels", SealedWheel),
            drift=top.records("drift", Difference),
            indexes=top.records("indexes", SealedIndex),
            files=top.records_by_name("files", FileDigest),
            tools=top.texts_by_name("tools"),
        )
