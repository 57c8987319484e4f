"""What a run is asked to do with each row and each file. Pure: nothing is read or started here."""

from __future__ import annotations

from dataclasses import dataclass

from holdfast.errors import InputError

# Rows of ten numbers, and what a model makes of them, then fit into a core's cache: three times as
# quick as 65,536 with a linear model, and no slower with trees (benchmarks/score/steady.py).
BATCH_ROWS = 16_384
ENGINES = ("local", "ray", "spark")


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """As `score` has them.

    Attributes:
        keep: Columns of the input that the output has, too, before the predictions.
        workers: Processes with the model; "auto": as many as there is room and work for.
        on_error: "stop" at a row that the model does not answer, or "reject" it.
        batch_rows: The most rows that the model is given at once.
        input_format: None: what the files' names end in.
        output_format: None: the input's.
        engine: One of `ENGINES`.
        address: The cluster's.
    """

    keep: tuple[str, ...]
    workers: int | str
    on_error: str
    batch_rows: int
    input_format: str | None
    output_format: str | None
    engine: str
    address: str

    def __post_init__(self) -> None:
        """Refuse what is none.

        Raises:
            InputError: An option has no such value, or the engine does not know it.
        """
        if self.engine not in ENGINES:
            raise InputError(f'engine is {self.engine!r}; expected "local", "ray" or "spark"')
        if self.on_error not in ("stop", "reject"):
            raise InputError(f'on_error is {self.on_error!r}; expected "stop" or "reject"')
        if self.workers != "auto" and (type(self.workers) is not int or self.workers < 1):
            raise InputError(f'workers is {self.workers!r}; expected "auto" or a number from 1')
        if self.batch_rows < 1:
            raise InputError(f"batch_rows is {self.batch_rows}; expected a number from 1")
        if self.engine != "local" and self.rejects:
            raise InputError(
                f"{self.engine} stops at a row that the model does not answer",
                hint="leave --on-error away, or score without --engine",
            )

    @property
    def rejects(self) -> bool:
        """Whether rows that the model does not answer are set aside."""
        return self.on_error == "reject"

    @property
    def wanted_workers(self) -> int | None:
        """How many are asked for; None where nobody said."""
        return self.workers if isinstance(self.workers, int) else None
