"""`holdfast env`: the environments that are kept."""

from __future__ import annotations

import re
from datetime import datetime, timedelta, timezone

import click

from holdfast.cli import options
from holdfast.cli.output import open_output
from holdfast.cli.render import Screen, print_data, print_json, print_table
from holdfast.environment.prune import Listed
from holdfast.environment.prune_wheels import KeptWheel, list_wheels, prune_wheels
from holdfast.environment.stats import Room, Stats, read_stats
from holdfast.environment.store import Store
from holdfast.errors import InputError, StoreError
from holdfast.home import home
from holdfast.image.base.prune import BASES, KeptFile, list_bases, prune_bases
from holdfast.image.layers.prune import LAYERS, prune_layers
from holdfast.page.bars import Bar, bars
from holdfast.restore.findings import slim_keys
from holdfast.units import size

_HOURS = {"h": 1, "d": 24, "w": 24 * 7}
_BYTES = {"": 1, "k": 10**3, "m": 10**6, "g": 10**9, "t": 10**12}


@click.group("env")
def command() -> None:
    """What is kept in HOLDFAST_HOME: list it, measure it, prune it."""


@command.command("list")
@options.as_json
@options.talk
def list_(*, as_json: bool) -> None:
    """List the environments, the longest unused first."""
    listed = Store.open().list()
    slim = slim_keys()
    if as_json:
        print_json([{**_as_json(one), "slim": one.key in slim} for one in listed])
        return
    rows = [
        (
            one.key[:12],
            one.python,
            str(one.packages),
            size(one.bytes),
            size(_own(one)),
            _ago(one),
            "slim" if one.key in slim else "",
        )
        for one in listed
    ]
    print_table(("key", "python", "packages ", "size ", "its own ", "used", ""), rows)


@command.command("stats")
@click.option(
    "--svg",
    metavar="FILE",
    help="Draw it into a file, too.",
)
@options.as_json
@options.talk
def stats(*, svg: str | None, as_json: bool) -> None:
    """Say what is kept, what sharing saves, and how often nothing had to be built."""
    found = read_stats(Store.open().layout)
    if svg is not None:
        with open_output(svg) as write:
            write(_drawn(found).encode())
    if as_json:
        print_json(found.to_dict())
        return
    rows = [
        (
            one.name,
            str(one.items),
            size(one.apparent),
            size(one.bytes),
            size(one.bytes - one.linked),
            _bar(one, found),
        )
        for one in found.rooms
    ]
    only_here = size(found.bytes - found.linked)
    rows.append(("all", "", size(found.apparent), size(found.bytes), only_here, ""))
    print_table(("", "items ", "by names ", "on the disk ", "only here ", ""), rows)
    print_data(_told(found))


def _bar(room: Room, all_rooms: Stats) -> str:
    """As many blocks as the room has twentieths of what there is by names: on the disk, and not."""
    most = max(all_rooms.apparent, 1)
    whole = round(20 * room.apparent / most)
    real = min(whole, round(20 * room.bytes / most))
    return "█" * real + "░" * (whole - real)


def _told(found: Stats) -> str:
    counts = found.counts
    if counts.rate is None:
        return "nothing has been restored yet"
    return (
        f"{size(found.apparent - found.bytes)} are shared between environments, "
        f"{size(found.linked)} with uv's cache; of {counts.found + counts.shared + counts.built} "
        f"restores {counts.found} found their environment, {counts.shared} one of another lock, "
        f"{counts.built} built it: {counts.rate:.0%} without a build"
    )


def _drawn(found: Stats) -> str:
    rows = [
        Bar(
            f"{one.name} ({one.items})",
            (one.bytes - one.linked, one.linked, one.apparent - one.bytes),
            size(one.bytes),
        )
        for one in found.rooms
    ]
    legend = ("only here", "uv's cache, too", "shared between environments")
    return bars("What Holdfast keeps", _told(found), rows, legend)


@command.command("prune")
@click.option("--older-than", metavar="TIME", help="Those not used for so long: 12h, 30d, 8w.")
@click.option("--max-size", metavar="SIZE", help="As many as it takes to stay under: 20GB.")
@click.option("--key", metavar="KEY", help="The one whose key begins so.")
@click.option("--dry-run", is_flag=True, help="Only say what would go.")
@options.as_json
@options.talk
@click.pass_obj
def prune(
    screen: Screen,
    *,
    older_than: str | None,
    max_size: str | None,
    key: str | None,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Remove environments, wheels and layers that nobody uses, the longest unused first.

    Without an option, only the remains of killed builds go. An environment in use never does.
    An image's layer goes before a wheel or a base does, for it can be made again, and those
    before an environment: they can be fetched again.
    """
    store = Store.open()
    named = None if key is None else _named(store, key)
    removed = store.prune(
        older_than=_time(older_than), max_bytes=_size(max_size), key=named, dry_run=dry_run
    )
    if named and named not in {one.key for one in removed}:
        raise StoreError(f"the environment {named} is in use", hint="stop the process that uses it")
    room = None if max_size is None else _room(store, removed, _size(max_size) or 0)
    wheels = prune_wheels(
        store.layout, older_than=_time(older_than), max_bytes=room, dry_run=dry_run
    )
    room = None if room is None else room - _left(store, wheels)
    bases = prune_bases(
        home() / BASES, older_than=_time(older_than), max_bytes=room, dry_run=dry_run
    )
    room = None if room is None else room - _left_of_bases(bases)
    layers = prune_layers(
        home() / LAYERS, older_than=_time(older_than), max_bytes=room, dry_run=dry_run
    )
    if as_json:
        print_json([_as_json(one) for one in removed])
    else:
        for one in removed:
            print_data(one.key)
    done = "would remove" if dry_run else "removed"
    screen.say(f"{done} {len(removed)}, {size(sum(map(_own, removed)))}")
    if wheels:
        screen.say(f"{done} {len(wheels)} wheels, {size(sum(one.bytes for one in wheels))}")
    if bases:
        screen.say(f"{done} {len(bases)} layers of bases, {size(sum(one.bytes for one in bases))}")
    if layers:
        screen.say(f"{done} {len(layers)} layers, {size(sum(one.bytes for one in layers))}")


def _room(store: Store, removed: tuple[Listed, ...], most: int) -> int:
    """What environments leave of `most` bytes."""
    gone = {one.key for one in removed}
    return most - sum(one.bytes for one in store.list() if one.key not in gone)


def _left(store: Store, removed: tuple[KeptWheel, ...]) -> int:
    """Bytes of the wheels that stay."""
    gone = {one.folder for one in removed}
    return sum(one.bytes for one in list_wheels(store.layout) if one.folder not in gone)


def _left_of_bases(removed: tuple[KeptFile, ...]) -> int:
    """Bytes of the bases' layers that stay."""
    return sum(one.bytes for one in list_bases(home() / BASES) if one not in removed)


def _named(store: Store, key: str) -> str:
    """The one whole key that begins so."""
    found = [one.key for one in store.list() if one.key.startswith(key)]
    if not key or len(found) != 1:
        what = f"{len(found)} environments have keys that begin" if found else "no key begins"
        raise InputError(f"{what} with {key!r}", hint="holdfast env list")
    return found[0]


def _as_json(one: Listed) -> dict[str, object]:
    used = datetime.fromtimestamp(one.last_used, timezone.utc).isoformat(timespec="seconds")
    return {
        "key": one.key,
        "path": str(one.path),
        "python": one.python,
        "packages": one.packages,
        "bytes": one.bytes,
        "shared_bytes": one.shared_bytes,
        "in_use": one.in_use,
        "last_used": used,
    }


def _own(one: Listed) -> int:
    """Bytes that removing it frees: what is not hardlinked from elsewhere."""
    return one.bytes - one.shared_bytes


def _ago(one: Listed) -> str:
    age = datetime.now(timezone.utc) - datetime.fromtimestamp(one.last_used, timezone.utc)
    if age < timedelta(hours=1):
        return f"{age.seconds // 60} min ago"
    return f"{age.seconds // 3600} h ago" if age < timedelta(days=1) else f"{age.days} d ago"


def _time(text: str | None) -> timedelta | None:
    if text is None:
        return None
    match = re.fullmatch(r"(\d+(?:\.\d+)?)([hdw])", text.strip().lower())
    if match is None:
        raise click.BadParameter(f"{text!r} is no time: expected 12h, 30d or 8w")
    return timedelta(hours=float(match[1]) * _HOURS[match[2]])


def _size(text: str | None) -> int | None:
    if text is None:
        return None
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([kmgt]?)b?", text.strip().lower())
    if match is None:
        raise click.BadParameter(f"{text!r} is no size: expected 500MB or 20GB")
    return int(float(match[1]) * _BYTES[match[2]])
