"""A folder of a model as entries: exactly the files that are sealed, each checked as it is read."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from holdfast.errors import MismatchError
from holdfast.image.values import Entry, Stored
from holdfast.seal.digest import FileDigest, inside


def folder_entries(folder: Path, place: str, files: Mapping[str, FileDigest]) -> tuple[Entry, ...]:
    """The files of a folder, none of them a program.

    Args:
        folder: Where they lie.
        place: Where they go in the image, without a leading slash: "holdfast/model".
        files: Which, by path relative to the folder, and what they must be. What else lies there
            stays there.

    Raises:
        InputError: A path leads out of the folder, or through a link.
        MismatchError: Files are missing, or of another size; every one is named. Their digests are
            compared when they are read.
    """
    entries, problems = [], []
    for path, digest in sorted(files.items()):
        file = inside(folder, path)
        if not file.is_file():
            problems.append(f"{path} is missing")
        elif file.stat().st_size != digest.size:
            problems.append(f"{path} has {file.stat().st_size} bytes, {digest.size} were sealed")
        else:
            stored = Stored(path=file, size=digest.size, sha256=bytes.fromhex(digest.sha256))
            entries.append(Entry(path=f"{place}/{path}", content=stored))
    if problems:
        raise MismatchError(
            "\n".join(
                [f"the files in {folder} have changed since the model was logged:", *problems]
            ),
            hint="do not use this model",
        )
    return tuple(entries)
