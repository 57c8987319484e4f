"""`holdfast verify`: a receipt, for people or programs."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from holdfast.cli import options
from holdfast.cli.render import Screen, print_data, print_json, print_mark
from holdfast.cli.slim import say_slim
from holdfast.verify.receipt import Receipt, Status

if TYPE_CHECKING:
    from typing_extensions import Unpack

_MARKS = {
    Status.MATCH: ("✓", "green"),
    Status.MISMATCH: ("✗", "bold red"),
    Status.SUBSTITUTE: ("≈", "yellow"),
    Status.UNPROVEN: ("?", "yellow"),
    Status.SKIPPED: ("-", "dim"),
}
_MOST_DETAILS = 20


@click.command("verify")
@options.model
@options.how
@options.tolerance
@click.option(
    "--record", is_flag=True, help="Tag the version in MLflow's registry with the result."
)
@click.option(
    "--no-load",
    is_flag=True,
    help="Compare bytes only: no code of the model runs, and nothing is predicted.",
)
@options.timeout
@options.as_json
@options.talk
@click.pass_obj
def command(
    screen: Screen,
    uri: str,
    *,
    tolerance: float,
    record: bool,
    no_load: bool,
    timeout: float,
    as_json: bool,
    **how: Unpack[options.How],
) -> None:
    """Compare MODEL and its environment with the seal, and replay its predictions.

    Prints a receipt; exits with 1 when something does not match.
    """
    if record and no_load:
        raise click.UsageError("--record tells what was proven; --no-load proves half of it.")
    from holdfast.model import open_model
    from holdfast.verify.record import check_recordable
    from holdfast.verify.record import record as tag
    from holdfast.verify.verify import verify

    with screen.progress("opening") as doing:
        model = open_model(uri)
        if record:
            check_recordable(model)
        receipt = verify(
            model,
            **how,
            tolerance=tolerance,
            timeout=timeout,
            load=not no_load,
            on_progress=doing,
        )
    print_json(receipt.to_dict()) if as_json else _print(receipt, everything=screen.verbose)
    say_slim(screen, receipt.slim)
    if record:
        tag(model, receipt)
        screen.say("recorded in the registry")
    if not receipt.matches:
        sys.exit(1)


def _print(receipt: Receipt, *, everything: bool) -> None:
    width = max(len(check.name) for check in receipt.checks)
    for check in receipt.checks:
        print_mark(*_MARKS[check.status], f"{check.name:<{width}}  {check.summary}")
        shown = check.details if everything else check.details[:_MOST_DETAILS]
        for detail in shown:
            print_data(f"  {' ' * width}  {detail}")
        if len(shown) < len(check.details):
            print_data(f"  {' ' * width}  … {len(check.details) - len(shown)} more: -v or --json")
    outcome = "matches its seal" if receipt.matches else "DOES NOT MATCH its seal"
    print_data(f"{receipt.model} {outcome} ({receipt.grade}, {receipt.seal[:16]}…)")
