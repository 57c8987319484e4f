"""What `-C name=value` may say, and the options of `holdfast serve` that it becomes."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from holdfast.errors import InputError

_TRUE, _FALSE = {"true", "1", "yes", "on"}, {"false", "0", "no", "off"}
_HIGHEST_PORT = 65535


@dataclass(frozen=True, slots=True)
class Key:
    """One name that a configuration may have.

    Attributes:
        kind: What its value is: "number", "seconds", "flag", "list", "file" or "text".
        text: What it does, for `mlflow deployments help`.
    """

    kind: str
    text: str


KEYS: dict[str, Key] = {
    "workers": Key("text", "processes for the model, or auto: one a core (1)"),
    "port": Key("number", "of 127.0.0.1 (a free one)"),
    "uds": Key("file", "a Unix socket instead of a port, for this user only"),
    "slim": Key("flag", "only the packages that the model was seen to need"),
    "slim-include": Key("list", "packages that a slim environment has in any case"),
    "offline": Key("flag", "fetch nothing"),
    "strict": Key("flag", "refuse another patch release of Python than the sealed one"),
    "verify": Key("flag", "answer no request before the model's receipt matches"),
    "batch": Key("flag", "predict requests that wait together in one call (by flavor)"),
    "memory": Key("text", "private memory for each worker: 2GB"),
    "cpus": Key("number", "cores for each worker"),
    "max-body": Key("text", "largest body of a request (64MiB)"),
    "queue": Key("number", "requests that wait; more is 503 (4096)"),
    "timeout": Key("seconds", "for a request, then 504 (60)"),
    "poll": Key("seconds", "between looks at where an alias points (10)"),
    "drain": Key("seconds", "that requests have to be answered when it ends (30)"),
    "canary": Key("text", "another model for some requests: 10%:models:/churn@next"),
    "shadow": Key("text", "another model that gets copies of the requests"),
    "api-key-file": Key("file", "a key a line; requests must have one"),
    "access-log": Key("text", "off, text or json (off)"),
}
Config = dict[str, Any]
"""Values by key, of the kind that the key says; as JSON has them."""


def read_config(given: Mapping[str, Any]) -> Config:
    """The configuration as written by a person or a program, checked; "" stays, for a default.

    Raises:
        InputError: A key that does not exist, or a value of another kind; all of them at once.
    """
    named = {str(key).replace("_", "-"): value for key, value in given.items()}
    problems = [_unknown(key) for key in named if key not in KEYS]
    config: Config = {}
    for key, value in named.items():
        if key in KEYS:
            try:
                config[key] = value if value == "" else _READERS[KEYS[key].kind](value)
            except (TypeError, ValueError):
                problems.append(f"{key} is {value!r}; expected {_EXPECTED[KEYS[key].kind]}")
    if config.get("port") and config.get("uds"):
        problems.append("there is either a port or a uds")
    if isinstance(port := config.get("port"), int) and port > _HIGHEST_PORT:
        problems.append(f"port is {port}; the highest is {_HIGHEST_PORT}")
    if problems:
        raise InputError(
            f"deployment: {'; '.join(problems)}", hint="mlflow deployments help -t holdfast"
        )
    return config


def changed(config: Config, given: Mapping[str, Any]) -> Config:
    """A configuration with some of it changed; "" takes a key out.

    Raises:
        InputError: As `read_config`.
    """
    news = {str(key).replace("_", "-"): value for key, value in given.items()}
    if news.keys() & {"port", "uds"}:  # one takes the place of the other
        config = {key: value for key, value in config.items() if key not in {"port", "uds"}}
    both = read_config({**config, **news})
    return {key: value for key, value in both.items() if value != ""}


def options_of(config: Config) -> list[str]:
    """The options of `holdfast serve` for all but where it listens."""
    words: list[str] = []
    for key, value in config.items():
        kind = KEYS[key].kind
        if key in {"port", "uds"}:
            continue
        if key == "batch":
            words.append("--batch" if value else "--no-batch")
        elif kind == "flag":
            words += [f"--{key}"] if value else []
        else:
            words += [f"--{key}={one}" for one in (value if kind == "list" else [value])]
    return words


def describe() -> str:
    """The keys, a line each."""
    return "".join(f"  {name:<14}{key.text}\n" for name, key in KEYS.items())


def _unknown(key: str) -> str:
    close = difflib.get_close_matches(key, KEYS, n=1)
    meant = f"; did you mean {close[0]!r}?" if close else ""
    return f"there is no key {key!r}{meant}"


def _flag(value: Any) -> bool:
    text = str(value).lower()
    if text not in _TRUE | _FALSE:
        raise ValueError
    return text in _TRUE


def _number(value: Any) -> int:
    if isinstance(value, bool) or (number := int(str(value))) < 0:
        raise ValueError
    return number


def _seconds(value: Any) -> float:
    if isinstance(value, bool) or not 0 <= (number := float(value)) < float("inf"):
        raise ValueError
    return number


def _list(value: Any) -> list[str]:
    return [one.strip() for one in (value.split(",") if isinstance(value, str) else value)]


def _text(value: Any) -> str:
    if not isinstance(value, (str, int)) or isinstance(value, bool):
        raise TypeError
    return str(value)


_READERS: dict[str, Any] = {
    "flag": _flag,
    "number": _number,
    "seconds": _seconds,
    "list": _list,
    # A server outlives the folder that its path was written in.
    "file": lambda value: str(Path(value).expanduser().absolute()),
    "text": _text,
}
_EXPECTED = {
    "flag": "true or false",
    "number": "a whole number",
    "seconds": "seconds",
    "list": "names, separated by commas",
    "file": "a path",
    "text": "text",
}
