"""`digits train`, `digits evaluate`, `digits predict`."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from holdfast import HoldfastError

from digits.data import load
from digits.drawing import DrawingError, read_drawing
from digits.idx import DataError

CHAMPION = "models:/digits@champion"
_SETTINGS = (
    ("epochs", 8, "how often each digit is seen"),
    ("batch-size", 64, "digits a step"),
    ("lr", 0.02, "learning rate at the start; it falls to 0"),
    ("momentum", 0.9, "of the descent"),
    ("validation", 0.1, "share of the training digits that is only watched"),
    ("seed", 0, "of the split, the weights and the order"),
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; the exit code: 0 done, 1 not good enough, 2 wrong input or a failed model."""
    asked = _parser().parse_args(arguments)
    try:
        code: int = asked.run(asked)
    except (DataError, DrawingError, HoldfastError, ValueError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="digits", description="Reads handwritten digits.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    data = argparse.ArgumentParser(add_help=False)
    data.add_argument("--data", type=Path, metavar="DIR", help="MNIST's files; else downloaded")
    model = argparse.ArgumentParser(add_help=False)
    model.add_argument("--model", default=CHAMPION, help="default: %(default)s")
    model.add_argument("--json", action="store_true", help="print JSON")

    train = commands.add_parser("train", parents=[data], help="train, log and register a model")
    train.set_defaults(run=_train)
    for name, default, what in _SETTINGS:
        train.add_argument(
            f"--{name}", type=type(default), default=default, help=f"{what}; default: {default}"
        )
    train.add_argument("--device", choices=("auto", "cpu", "cuda", "mps"), default="auto")
    train.add_argument("--log", type=Path, default=Path("runs"), help="TensorBoard's folder")

    evaluate = commands.add_parser(
        "evaluate", parents=[data, model], help="print the accuracy on the test digits"
    )
    evaluate.set_defaults(run=_evaluate)
    evaluate.add_argument("--at-least", type=float, default=0.0, help="exit with 1 if it is less")

    predict = commands.add_parser("predict", parents=[model], help="read drawn digits")
    predict.set_defaults(run=_predict)
    predict.add_argument("--server", metavar="URL", help="ask this `holdfast serve` instead")
    predict.add_argument("drawings", nargs="+", type=Path, metavar="FILE", help="PNG or JPEG")
    return parser


def _train(asked: argparse.Namespace) -> int:
    from digits.train import Settings, train  # PyTorch takes seconds to import

    names = ("epochs", "batch_size", "lr", "momentum", "validation", "seed", "device")
    settings = Settings(**{name: getattr(asked, name) for name in names})
    print(train(load("train", asked.data), settings, asked.log))
    return 0


def _evaluate(asked: argparse.Namespace) -> int:
    from digits.predict import accuracy

    digits = load("test", asked.data)
    found = accuracy(asked.model, digits)
    if asked.json:
        print(json.dumps({"model": asked.model, "digits": len(digits), "accuracy": found}))
    else:
        print(f"{asked.model} reads {found:.2%} of {len(digits)} test digits right")
    return 0 if found >= asked.at_least else 1


def _predict(asked: argparse.Namespace) -> int:
    import numpy as np

    from digits.predict import ask, read

    images = np.stack([read_drawing(path) for path in asked.drawings])
    answers = ask(asked.server, images) if asked.server else read(asked.model, images)
    if asked.json:
        rows = zip(asked.drawings, answers, strict=True)
        print(json.dumps([
            {"file": str(path), "digit": int(row.argmax()), "probabilities": row.tolist()}
            for path, row in rows
        ]))  # fmt: skip
        return 0
    for path, row in zip(asked.drawings, answers, strict=True):
        print(f"{path}: {row.argmax()}")
        for digit, share in enumerate(row):
            print(f"  {digit}  {share:7.2%}  {'#' * round(40 * float(share))}".rstrip())
    return 0
