"""The book of a run: what run it is, and what of it is done already.

It lies in the output's `_holdfast/`: `run.json`, with the model's seal and the options, and a
record for each split, with its input's path, size and time. What a record says was done is not
done again; a folder of another run's outputs is not written to.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from pyarrow import fs

from holdfast.errors import InputError
from holdfast.score.place import Place, explained
from holdfast.score.plan import Split

OWN = "_holdfast"


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """What a split came to: rows predicted and rejected, bytes of its output."""

    rows: int
    rejected: int
    bytes: int


class Book:
    """What `_holdfast/` in the folder of outputs says of a run, and of each split.

    Args:
        output: The folder of outputs.
        run: What the run is known by.
    """

    def __init__(self, output: Place, run: Mapping[str, Any]) -> None:
        self._output = output
        self._run = dict(run)

    def is_complete(self) -> bool:
        """Whether all of this very run was done before."""
        return _read_json(self._output / f"{OWN}/run.json") == {**self._run, "complete": True}

    def check(self, splits: Sequence[Split]) -> None:
        """See that what is in the folder is of this run, and of inputs that are still there.

        Raises:
            InputError: The folder holds another run's output, or somebody else's files.
        """
        self._refuse_others()
        strangers = self._strangers(splits)
        if strangers:
            raise InputError(
                f"{self._output.name} has outputs of inputs that are not there any more: "
                + ", ".join(strangers[:5]),
                hint="name another folder with -o, or delete this one",
            )

    def open(self) -> None:
        """Say what run this is, and that not everything is there.

        Raises:
            InputError: The folder holds another run's output, or cannot be written.
            StoreError: The disk is full.
        """
        self._refuse_others()
        self._write_run(complete=False)

    def close(self) -> None:
        """Say that everything is there."""
        self._write_run(complete=True)

    def done(self, split: Split) -> Done | None:
        """What is recorded of a split, where its input and its output are still those."""
        record = _read_json(self._record(split))
        if record is None or record.get("input") != split.identity:
            return None
        try:
            done = Done(**record["done"])
        except (KeyError, TypeError):
            return None
        found = (self._output / split.output).info()
        return done if found.is_file and found.size == done.bytes else None

    def record(self, split: Split, done: Done) -> None:
        """Say that a split is done: its output is there, whole."""
        _write_json(self._record(split), {"input": split.identity, "done": asdict(done)})

    def _strangers(self, splits: Sequence[Split]) -> list[str]:
        folder = self._output / f"{OWN}/done"
        with explained(folder.name, "read"):
            infos = folder.system.get_file_info(
                fs.FileSelector(folder.path, recursive=True, allow_not_found=True)
            )
        start = len(folder.path) + 1
        recorded = {
            info.path[start:].removesuffix(".json")
            for info in infos
            if info.is_file and info.path.endswith(".json")
        }
        return sorted(recorded - {split.output for split in splits})

    def _record(self, split: Split) -> Place:
        return self._output / f"{OWN}/done/{split.output}.json"

    def _refuse_others(self) -> None:
        known = _read_json(self._output / f"{OWN}/run.json")
        if known is None:
            self._refuse_foreign()
            return
        differ = [key for key in self._run if known.get(key) != self._run[key]]
        if differ:
            raise InputError(
                f"{self._output.name} holds the output of another run: "
                + "; ".join(_said(key, known.get(key), self._run[key]) for key in differ),
                hint="name another folder with -o, or delete this one",
            )

    def _refuse_foreign(self) -> None:
        """Files that nobody here wrote could pass for this run's."""
        if self._output.info().type == fs.FileType.NotFound:
            return
        if self._output.info().is_file:
            raise InputError(f"{self._output.name} is a file", hint="name a folder with -o")
        with explained(self._output.name, "read"):
            there = self._output.system.get_file_info(fs.FileSelector(self._output.path))
        if any(not info.base_name.startswith((".", "_")) for info in there):
            raise InputError(
                f"{self._output.name} is not empty, and no run of Holdfast's is recorded there",
                hint="name an empty folder with -o",
            )

    def _write_run(self, *, complete: bool) -> None:
        _write_json(self._output / f"{OWN}/run.json", {**self._run, "complete": complete})


def _said(key: str, known: Any, wanted: Any) -> str:
    return f"{key} was {json.dumps(known):.80} and is {json.dumps(wanted):.80}"


def _read_json(place: Place) -> dict[str, Any] | None:
    if not place.info().is_file:
        return None
    with explained(place.name, "read"), place.system.open_input_stream(place.path) as stream:
        text = stream.read()
    try:
        data = json.loads(text)
    # Half a record is none.
    except ValueError:
        return None
    return data if isinstance(data, dict) else None


def _write_json(place: Place, data: Mapping[str, Any]) -> None:
    """Whole or not at all: what a killed run leaves behind is no record."""
    aside = Place(place.system, f"{place.path}.new", place.name)
    with explained(place.name, "written"):
        place.system.create_dir(place.path.rpartition("/")[0], recursive=True)
        with place.system.open_output_stream(aside.path) as stream:
            stream.write(json.dumps(data, sort_keys=True, indent=2).encode())
        place.system.move(aside.path, place.path)
