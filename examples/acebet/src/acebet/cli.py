"""The command line: reads arguments, calls one function, prints what it gives.

Data goes to standard output, talk to standard error. 0 is done; 1 is no champion where one was
required; 2 is a wrong argument, or data that will not do.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd

    from acebet.features import Player
    from acebet.training import Trained


def main(arguments: Sequence[str] | None = None) -> int:
    """Run `acebet` with these arguments, those of the process by default."""
    asked = _parser().parse_args(arguments)
    try:
        code: int = asked.run(asked)
    except (LookupError, RuntimeError, ValueError) as error:
        print(f"acebet: {error}", file=sys.stderr)
        return 2
    return code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("acebet", description="Who wins an ATP match.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    train = commands.add_parser("train", help="train, log to MLflow, register, choose a champion")
    _add_data(train)
    _add_season(train)
    train.add_argument("--folds", type=int, default=5, help="seasons that are walked through (5)")
    train.add_argument("--seed", type=int, default=1, help="of all that is random (1)")
    train.add_argument(
        "--require-champion", action="store_true", help="exit with 1 if it is not the champion"
    )
    train.set_defaults(run=_train)

    evaluate = commands.add_parser("evaluate", help="figures of a season that training never saw")
    _add_data(evaluate)
    _add_season(evaluate)
    evaluate.add_argument("--json", action="store_true", help="print JSON")
    evaluate.set_defaults(run=_evaluate)

    features = commands.add_parser(
        "features", help="what is known before a match: JSON as /invocations takes it"
    )
    _add_data(features)
    features.add_argument("first", help="a player's name, or id")
    features.add_argument("second", help="another's")
    features.add_argument("date", type=date.fromisoformat, help="the tournament's first day")
    features.add_argument("surface", help="Hard, Clay, Grass or Carpet")
    features.add_argument("--level", default="A", help="G, M, F, A or D (A)")
    features.add_argument("--round", help="R32, say; not known by default")
    features.add_argument("--best-of", type=int, default=3, help="3 or 5 (3)")
    features.set_defaults(run=_features)

    user = commands.add_parser("user", help="who may use the service")
    actions = user.add_subparsers(required=True, metavar="ACTION")
    add = actions.add_parser("add", help="add a user, or give one another password")
    add.add_argument("name")
    add.add_argument("--users", type=Path, default="users.json", help="the file (users.json)")
    add.set_defaults(run=_add_user)

    serve = commands.add_parser("serve", help="the service, by the ACEBET_* variables")
    serve.add_argument("--host", default="127.0.0.1")
    serve.add_argument("--port", type=int, default=8001)
    serve.set_defaults(run=_serve)
    return parser


def _add_data(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--data", type=Path, metavar="DIR", help="a folder with seasons; else they are downloaded"
    )


def _add_season(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--season", type=int, help="the one to judge on; the last one in the data by default"
    )


def _train(asked: argparse.Namespace) -> int:
    from acebet import registry
    from acebet.training import prepare, train

    prepared = prepare(_matches(asked.data))
    season = asked.season or int(prepared.season.max())
    trained = train(prepared, season, folds=asked.folds, seed=asked.seed)
    _print_figures(trained)
    version = registry.log(trained, prepared, asked.seed)
    verdict = registry.choose(version, trained, prepared)
    print(
        f"version {version} is {'now' if verdict.champion else 'not'} the champion: "
        f"{verdict.reason}"
    )
    return int(asked.require_champion and not verdict.champion)


def _evaluate(asked: argparse.Namespace) -> int:
    from acebet.training import prepare, train

    prepared = prepare(_matches(asked.data))
    trained = train(prepared, asked.season or int(prepared.season.max()))
    if asked.json:
        figures = {name: asdict(one) for name, one in trained.figures.items()}
        print(json.dumps({"season": trained.season, "seen": trained.seen, "figures": figures}))
    else:
        _print_figures(trained)
    return 0


def _features(asked: argparse.Namespace) -> int:
    from acebet.features import History

    history = History.of(_matches(asked.data))
    values = history.features(
        _player(history.players(), asked.first),
        _player(history.players(), asked.second),
        asked.date,
        asked.surface,
        level=asked.level,
        round=asked.round,
        best_of=asked.best_of,
    )
    known = {name: None if value != value else value for name, value in values.items()}  # noqa: PLR0124 - NaN
    table = {"columns": list(known), "data": [list(known.values())]}
    print(json.dumps({"dataframe_split": table}))
    return 0


def _player(players: Sequence[Player], named: str) -> int:
    found = [one.id for one in players if named.casefold() in {one.name.casefold(), str(one.id)}]
    if len(found) != 1:
        raise ValueError(f"{'several players are' if found else 'no player is'} called {named!r}")
    return found[0]


def _add_user(asked: argparse.Namespace) -> int:
    from acebet.service.commands import add
    from acebet.service.users import UsersError

    try:
        add(asked.users, asked.name)
    except UsersError as error:
        raise ValueError(error) from error
    return 0


def _serve(asked: argparse.Namespace) -> int:
    from acebet.service.commands import ServiceError, serve

    try:
        serve(asked.host, asked.port)
    except ServiceError as error:
        raise ValueError(error) from error
    return 0


def _matches(data: Path | None) -> pd.DataFrame:
    from acebet.data import YEARS, load
    from acebet.seasons import seasons_in

    return load(data, seasons_in(data) if data else YEARS)


def _print_figures(trained: Trained) -> None:
    print(
        f"Season {trained.season}, of which training saw nothing "
        f"(it saw {trained.seen[0]} to {trained.seen[-1]}):\n"
    )
    columns = ("accuracy", "log loss", "Brier", "calibration error")
    print(f"{'':10}", *(f"{name:>18}" for name in columns))
    for name, one in trained.figures.items():
        values = (one.accuracy, one.log_loss, one.brier, one.calibration_error)
        print(f"{name:10}", *(f"{value:18.4f}" for value in values))
    print(f"\n{next(iter(trained.figures.values())).matches} matches")
