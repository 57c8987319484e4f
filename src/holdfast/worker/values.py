"""Values: Python's own objects as strict JSON that gives back exactly the same objects.

`None`, booleans, strings, lists, finite floats and integers of up to 64 bits are themselves. The
rest is an object with one key that begins with "$":

    {"$float": "…"}      NaN and infinities: the 8 bytes, little-endian, as hexadecimal
    {"$int": "…"}        an integer beyond 64 bits, hexadecimal
    {"$tuple": […]}      {"$set": […]}  {"$frozenset": […]}
    {"$dict": [[k, v]]}  a dict whose keys are not all strings, or one begins with "$"
    {"$bytes": "…"}      base64
    {"$decimal": "…"}  {"$date": "…"}  {"$time": "…"}  {"$datetime": "…"}  {"$uuid": "…"}
    {"$timedelta": [days, seconds, microseconds]}
    {"$scalar": [dtype, "…"]}            a NumPy scalar: its bytes as hexadecimal
    {"$timestamp": [dtype, "…", zone]}   pandas: the instant in UTC, and its time zone
    {"$duration": [dtype, "…"]}          pandas.Timedelta
    {"$missing": "NA"} or "NaT"
    {"$payload": {…}}    an array or a table inside a value

Subclasses of dict, list, tuple, str, int and float cross as what they derive from. Everything else
is refused by name.

Standard library only, and Python 3.8 upwards: this file also runs inside restored environments.
"""

from __future__ import annotations

import base64
import datetime as dt
import decimal
import math
import re
import struct
import sys
import uuid
from typing import Any, Callable

from .parts import DEPTH, PayloadError, Reader, Writer

_LARGEST = 1 << 63
# Numbers and fixed-size bytes and text. Never "O": an object's bytes are an address.
_DTYPE = re.compile(
    r"\|b1|[|]?[iu]1|[<>](?:[iu][248]|f[248]|c8|c16)"
    r"|[<>][mM]8(?:\[\d{0,6}(?:Y|M|W|D|h|m|s|ms|us|ns|ps|fs|as)\])?"
    r"|\|S\d{1,9}|[<>]U\d{1,9}"
)
_ZONE = re.compile(r"[A-Za-z0-9_+-]{1,40}(/[A-Za-z0-9_+-]{1,40}){0,2}")


def dump(value: Any, writer: Writer, where: str, depth: int = 0) -> Any:  # noqa: PLR0911
    """`value` as something that `json` writes strictly; arrays and tables go through `writer`.

    Raises:
        PayloadError: Something in it has no exact form.
    """
    if depth > DEPTH:
        raise PayloadError(f"{where}: nested more than {DEPTH} deep (or inside itself)")
    kind = type(value)
    if value is None or kind is bool or kind is str:
        return value
    if kind is float:
        return value if math.isfinite(value) else {"$float": struct.pack("<d", value).hex()}
    if kind is int:
        return value if -_LARGEST <= value < _LARGEST else {"$int": hex(value)}
    if kind is list:
        return [dump(item, writer, f"{where}[{i}]", depth + 1) for i, item in enumerate(value)]
    if kind is dict:
        return _dump_dict(value, writer, where, depth)
    if kind in _DUMPED:
        return _DUMPED[kind](value, where)
    return _dump_other(value, writer, where, depth)


def load(tree: Any, reader: Reader, where: str, depth: int = 0) -> Any:
    """The value that `dump` made `tree` from.

    Raises:
        PayloadError: The tree is not one that `dump` makes.
    """
    # One dict with keys of its own is four levels of JSON.
    if depth > 4 * DEPTH:
        raise PayloadError(f"{where}: nested too deeply")
    if type(tree) is list:
        return [load(item, reader, where, depth + 1) for item in tree]
    if type(tree) is not dict:
        return tree
    tag = next(iter(tree), "")
    if len(tree) != 1 or not tag.startswith("$"):
        return {key: load(item, reader, where, depth + 1) for key, item in tree.items()}
    try:
        return _load_tagged(tag, tree[tag], reader, where, depth)
    except PayloadError:
        raise
    # Whatever a constructor finds wrong with text from the wire.
    except (ValueError, TypeError, ArithmeticError, struct.error, KeyError, OSError) as error:
        raise PayloadError(f"{where}: not a {tag}: {error}") from error


def dtype(text: Any, where: str) -> Any:
    """The NumPy dtype of this name; only plain numbers, dates and fixed-size text and bytes.

    Raises:
        PayloadError: Another one.
    """
    import numpy as np

    if type(text) is not str or not _DTYPE.fullmatch(text):
        raise PayloadError(f"{where}: dtype {text!r:.40} cannot cross")
    try:
        return np.dtype(text)
    except (TypeError, ValueError) as error:
        raise PayloadError(f"{where}: dtype {text!r:.40}: {error}") from error


def dump_dtype(kind: Any, where: str) -> str:
    """The name of a NumPy dtype that `dtype` takes.

    Raises:
        PayloadError: It has none: objects, structures, long double.
    """
    text = str(kind.str)
    if kind.fields is not None or not _DTYPE.fullmatch(text):
        raise PayloadError(f"{where}: NumPy dtype {kind} cannot cross exactly")
    return text


def dump_zone(zone: Any, where: str) -> Any:
    """A time zone: its name, its offset from UTC in seconds, or None.

    Raises:
        PayloadError: It has no name that another Python would know.
    """
    if zone is None:
        return None
    if zone is dt.timezone.utc:
        return "UTC"
    module = type(zone).__module__.split(".")[0]
    # pandas' own UTC and pytz's fixed offsets answer utcoffset(None) as datetime.timezone does.
    name = str(getattr(zone, "key", None) or getattr(zone, "zone", None) or "")
    if module in ("zoneinfo", "pytz", "backports") and _ZONE.fullmatch(name):
        return name
    offset = zone.utcoffset(None)
    if module in ("datetime", "pytz", "pandas") and offset is not None:
        return offset.total_seconds()
    raise PayloadError(f"{where}: time zone {zone!r} cannot cross exactly")


def load_zone(tree: Any, where: str) -> Any:
    """What pandas takes as a time zone: a name, a `datetime.timezone`, or None."""
    if tree is None or (type(tree) is str and _ZONE.fullmatch(tree)):
        return tree
    if type(tree) in (int, float):
        return dt.timezone(dt.timedelta(seconds=tree))
    raise PayloadError(f"{where}: {tree!r:.40} is no time zone")


def _dump_dict(value: dict[Any, Any], writer: Writer, where: str, depth: int) -> Any:
    if all(type(key) is str and not key.startswith("$") for key in value):
        return {
            key: dump(item, writer, f"{where}[{key!r}]", depth + 1) for key, item in value.items()
        }
    pairs = [
        [
            dump(key, writer, f"{where} key {key!r:.40}", depth + 1),
            dump(item, writer, f"{where}[{key!r:.40}]", depth + 1),
        ]
        for key, item in value.items()
    ]
    return {"$dict": pairs}


def _dump_other(value: Any, writer: Writer, where: str, depth: int) -> Any:
    if isinstance(value, (tuple, set, frozenset)):
        # A set's order means nothing; sorting makes the same set the same text.
        items = [dump(item, writer, where, depth + 1) for item in value]
        tag = "$tuple" if isinstance(value, tuple) else f"${_set_name(value)}"
        return {tag: items if tag == "$tuple" else sorted(items, key=repr)}
    scalar = _dump_scalar(value, where)
    if scalar is None:
        scalar = writer.nest(value, where)
    if scalar is not None:
        return scalar
    plain = _plain(value)
    if plain is None:
        name = f"{type(value).__module__}.{type(value).__qualname__}"
        raise PayloadError(f"{where}: {name} cannot cross")
    return dump(plain, writer, where, depth + 1)


def _set_name(value: Any) -> str:
    return "frozenset" if isinstance(value, frozenset) else "set"


def _plain(value: Any) -> Any:
    """A subclass of one of Python's own types as what it derives from; None where it is not one."""
    for base, plain in _BASES:
        if isinstance(value, base):
            return plain(value)
    return None


def _dump_scalar(value: Any, where: str) -> Any | None:
    """NumPy's and pandas' scalars; neither is imported where the program has not done so."""
    np: Any = sys.modules.get("numpy")
    pd: Any = sys.modules.get("pandas")
    if np is not None and isinstance(value, np.generic):
        return {"$scalar": _dump_bits(value, where)}
    # A half-imported pandas has not got these yet, and then nothing is one of them.
    kinds = [getattr(pd, name, None) for name in ("Timestamp", "Timedelta")]
    if pd is None or None in kinds:
        return None
    if value is pd.NaT or value is pd.NA:
        return {"$missing": "NaT" if value is pd.NaT else "NA"}
    if type(value) is kinds[0]:
        return {"$timestamp": [*_dump_bits(value.asm8, where), dump_zone(value.tzinfo, where)]}
    if type(value) is kinds[1]:
        return {"$duration": _dump_bits(value.asm8, where)}
    return None


def _dump_bits(scalar: Any, where: str) -> list[str]:
    import numpy as np

    array = np.asarray(scalar)
    name = dump_dtype(array.dtype, where)
    return [name, array.astype(array.dtype.newbyteorder("<")).tobytes().hex()]


def _load_bits(tree: Any, where: str) -> Any:
    import numpy as np

    kind, bits = dtype(tree[0], where), bytes.fromhex(tree[1])
    if kind.itemsize == 0:
        return np.zeros((), kind)
    return np.frombuffer(bits, kind.newbyteorder("<"), 1).astype(kind)[0]


def _dump_datetime(value: dt.datetime, where: str) -> Any:
    if value.tzinfo is not None:
        zone = dump_zone(value.tzinfo, where)
        if type(zone) is str and zone != "UTC":
            raise PayloadError(
                f"{where}: a datetime in zone {zone} cannot cross exactly; use UTC or "
                "pandas.Timestamp"
            )
    return {"$datetime": _with_fold(value)}


def _dump_time(value: dt.time, where: str) -> Any:
    if value.tzinfo is not None:
        raise PayloadError(f"{where}: a time with a zone cannot cross exactly")
    return {"$time": _with_fold(value)}


def _with_fold(value: Any) -> Any:
    # ISO 8601 cannot say which of the two hours it was when clocks went back (PEP 495).
    return [value.isoformat(), 1] if value.fold else value.isoformat()


def _moment(kind: Any, tree: Any) -> Any:
    if type(tree) is list and tree[1:] == [1]:
        return kind.fromisoformat(tree[0]).replace(fold=1)
    return kind.fromisoformat(tree)


def _load_tagged(tag: str, tree: Any, reader: Reader, where: str, depth: int) -> Any:
    if tag in _LOADED:
        return _LOADED[tag](tree)
    if tag in _COLLECTIONS:
        items = load(_checked(tree, list), reader, where, depth + 1)
        return _COLLECTIONS[tag](items)
    if tag == "$scalar":
        return _load_bits(tree, where)
    if tag == "$payload":
        return reader.nest(tree, where)
    return _load_pandas(tag, tree, where)


def _load_pandas(tag: str, tree: Any, where: str) -> Any:
    import pandas as pd

    if tag == "$missing":
        return {"NA": pd.NA, "NaT": pd.NaT}[tree]
    if tag == "$duration":
        return pd.Timedelta(_load_bits(tree, where))
    if tag == "$timestamp":
        moment, zone = pd.Timestamp(_load_bits(tree, where)), load_zone(tree[2], where)
        return moment if zone is None else moment.tz_localize("UTC").tz_convert(zone)
    raise PayloadError(f"{where}: {tag!r:.40} is not known")


def _checked(tree: Any, kind: Any) -> Any:
    if type(tree) is not kind:
        raise TypeError(f"expected {kind.__name__}, found {type(tree).__name__}")
    return tree


_DUMPED: dict[Any, Callable[[Any, str], Any]] = {
    bytes: lambda value, _: {"$bytes": base64.b64encode(value).decode("ascii")},
    decimal.Decimal: lambda value, _: {"$decimal": str(value)},
    uuid.UUID: lambda value, _: {"$uuid": str(value)},
    dt.date: lambda value, _: {"$date": value.isoformat()},
    dt.time: _dump_time,
    dt.datetime: _dump_datetime,
    dt.timedelta: lambda value, _: {"$timedelta": [value.days, value.seconds, value.microseconds]},
}
_LOADED: dict[str, Callable[[Any], Any]] = {
    "$float": lambda tree: struct.unpack("<d", bytes.fromhex(tree))[0],
    "$int": lambda tree: int(_checked(tree, str), 16),
    "$bytes": lambda tree: base64.b64decode(_checked(tree, str), validate=True),
    "$decimal": lambda tree: decimal.Decimal(_checked(tree, str)),
    "$uuid": lambda tree: uuid.UUID(_checked(tree, str)),
    "$date": dt.date.fromisoformat,
    "$time": lambda tree: _moment(dt.time, tree),
    "$datetime": lambda tree: _moment(dt.datetime, tree),
    "$timedelta": lambda tree: dt.timedelta(*_checked(tree, list)),
}
_COLLECTIONS: dict[str, Callable[[list[Any]], Any]] = {
    "$tuple": tuple,
    "$set": set,
    "$frozenset": frozenset,
    "$dict": dict,
}
# In this order: bool cannot be derived from.
_BASES: list[Any] = [
    (str, lambda value: str.__getitem__(value, slice(None))),
    (int, lambda value: int.__add__(value, 0)),
    (float, float.__pos__),
    (dict, lambda value: dict(dict.items(value))),
    (list, lambda value: list(list.__iter__(value))),
]
