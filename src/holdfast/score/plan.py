"""The plan of a run: which files become which. One input file is one split, and one output file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

from holdfast.errors import InputError
from holdfast.score.place import File, Place, place_of

FORMATS = ("parquet", "csv", "jsonl", "arrow")
_SUFFIXES = {
    ".parquet": "parquet",
    ".pq": "parquet",
    ".csv": "csv",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".json": "jsonl",
    ".arrow": "arrow",
    ".feather": "arrow",
    ".ipc": "arrow",
}
_COMPRESSED = (".gz", ".bz2", ".zst", ".lz4")


@dataclass(frozen=True, slots=True)
class Split:
    """One input file and the name of its output, below the folder of outputs."""

    file: File
    format: str
    output: str

    @property
    def identity(self) -> dict[str, Any]:
        """What tells its input from any other, and from what it was at another time."""
        return {"path": self.file.place.path, "size": self.file.size, "mtime": self.file.mtime}


def make_splits(
    files: Sequence[File], named: str, input_format: str | None, output_format: str | None
) -> list[Split]:
    """A split for each file; those of other formats than `input_format` are left out.

    Args:
        files: What was found.
        named: How the user has named them.
        input_format: One of `FORMATS`; None: what the ends of the names say.
        output_format: One of `FORMATS`; None: the input's.

    Raises:
        InputError: There is none, they are of several formats, or two would have one output.
    """
    known = {file: format_of(file.below) for file in files}
    if input_format and len(files) == 1:
        known = {files[0]: input_format}
    chosen = [file for file in files if known[file] and input_format in (None, known[file])]
    kinds = sorted({known[file] for file in chosen})
    if not chosen:
        raise InputError(
            f"{named} has no file to score",
            hint=f"files end in {', '.join(_SUFFIXES)}; or name the format with --input-format",
        )
    if len(kinds) > 1:
        raise InputError(
            f"{named} has files of several formats: {', '.join(kinds)}",
            hint=f"--input-format {kinds[0]} takes only those",
        )
    wanted = output_format or kinds[0]
    splits = [Split(file, kinds[0], _output_name(file.below, wanted)) for file in chosen]
    seen: dict[str, str] = {}
    for split in splits:
        if split.output in seen:
            raise InputError(
                f"{seen[split.output]} and {split.file.below} would both become {split.output}"
            )
        seen[split.output] = split.file.below
    return splits


def is_compressed(name: str) -> bool:
    """Whether a file's name says that it is compressed as a whole."""
    return PurePosixPath(name).suffix.lower() in _COMPRESSED


def format_of(name: str) -> str:
    """The format that the end of a file's name stands for; "" for none."""
    path = PurePosixPath(name)
    if is_compressed(name):
        path = path.with_suffix("")
    return _SUFFIXES.get(path.suffix.lower(), "")


def _output_name(name: str, output_format: str) -> str:
    """The input's name; with another end where the format is another, or it was compressed."""
    path = PurePosixPath(name)
    if is_compressed(name):
        path = path.with_suffix("")
    if _SUFFIXES.get(path.suffix.lower()) == output_format:
        return str(path)
    stem = path.with_suffix("") if path.suffix.lower() in _SUFFIXES else path
    return f"{stem}.{output_format}"


def refuse_overlap(named: str, files: Sequence[File], output: Place) -> None:
    """Refuse to write among what is read, now or the next time.

    Args:
        named: How the user has named the input.
        files: What was found.
        output: The folder of outputs.

    Raises:
        InputError: The output lies in the input's folder, or the other way round.
    """
    target = output.path.rstrip("/") + "/"
    inside = any(
        file.place.system.equals(output.system) and file.place.path.startswith(target)
        for file in files
    )
    folder = place_of(named)
    below = folder.system.equals(output.system) and target.startswith(folder.path.rstrip("/") + "/")
    if inside or below:
        raise InputError(
            f"the output {output.name} and the input {folder.name} lie in one another",
            hint="name a folder of its own with -o",
        )
