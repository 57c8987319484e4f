"""The layers that are made for one image: packages, gateway, own code, frame, model.

From what changes least to what changes most, so that what a client has is below what it lacks.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from holdfast.environment.plan import Package
from holdfast.errors import InputError
from holdfast.image.base.open import Base
from holdfast.image.base.python import BasePython
from holdfast.image.inside.account import account_entries
from holdfast.image.inside.contents import Contents, check_records
from holdfast.image.inside.frame import frame_entries
from holdfast.image.inside.own import gateway_own_entries, own_identity
from holdfast.image.inside.places import ENVIRONMENT, GATEWAY, MODEL, place_of
from holdfast.image.inside.store import finding_entries, store_entries
from holdfast.image.layers.bytecode import Compiler, bytecode_of
from holdfast.image.layers.compress import Compression
from holdfast.image.layers.contents import read_stored
from holdfast.image.layers.folder import folder_entries
from holdfast.image.layers.group import group
from holdfast.image.layers.kept import layer_key, take_or_make
from holdfast.image.layers.packages import Making, Pinned, package_layers
from holdfast.image.layers.place import Place
from holdfast.image.layers.write import compress_layer, write_layer
from holdfast.image.values import LAYER_TAR, Entry, Layer, Row, Stored
from holdfast.lock.target import Target
from holdfast.model import Model
from holdfast.restore.restored import Slim
from holdfast.seal.digest import SEAL_FILE, digest_file

# As many as file systems stack, less those that are made here besides the packages': gateway,
# Holdfast, own code, frame, model.
_MOST_LAYERS = 127 - 5

Rows = Mapping[str, Sequence[Row]]
Wheels = Mapping[str, Path]


@dataclass(frozen=True, slots=True, kw_only=True)
class Shop:
    """Where and how layers are made.

    Attributes:
        base: What they stand on.
        python: Its interpreter.
        target: What packages are chosen for.
        compression: Of each layer.
        kept: The folder of layers that are kept from one image to the next.
        scratch: A folder for the others, as long as the image is made.
        mtime: Of every file, in seconds since the epoch.
        compiler: What compiles modules; None to leave that to whoever imports them.
    """

    base: Base
    python: BasePython
    target: Target
    compression: Compression
    kept: Path
    scratch: Path
    mtime: int
    compiler: Compiler | None

    def place(self, folder: str) -> Place:
        """Where packages go in the environment at `folder`."""
        return place_of(folder, self.python.version)

    def write(self, entries: Iterable[Entry], created_by: str, into: Path | None = None) -> Layer:
        """A layer that is made each time."""
        folder = into or self.scratch
        return write_layer(
            entries, folder, self.compression, created_by=created_by, mtime=self.mtime
        )

    def keep(
        self, made_of: Mapping[str, Any], entries: Callable[[], Iterable[Entry]], created_by: str
    ) -> Layer:
        """A layer that is made once for as long as it is made of the same."""
        key = layer_key({"named": created_by, **made_of}, self.compression, mtime=self.mtime)
        return take_or_make(
            self.kept, key, lambda into: (self.write(entries(), created_by, into), ())
        ).layer


def base_parts(shop: Shop) -> tuple[Layer, ...]:
    """The base's layers as they are, but for plain tars, which are compressed like ours."""
    return tuple(map(partial(_packed, shop), shop.base.layers))


def _packed(shop: Shop, layer: Layer) -> Layer:
    if layer.blob.descriptor.media_type != LAYER_TAR:
        return layer
    key = layer_key({"base": layer.diff_id}, shop.compression)
    return take_or_make(
        shop.kept, key, lambda into: (compress_layer(layer, into, shop.compression), ())
    ).layer


def package_parts(
    shop: Shop, packages: Sequence[Package], wheels: Wheels
) -> tuple[tuple[Layer, ...], Rows]:
    """The layers of packages that an index has, and the rows of each package's files.

    Args:
        shop: Where they are made.
        packages: What was chosen for the base's Python.
        wheels: Their wheels, by name.
    """
    by_name = {package.chosen.name: package for package in packages}
    most = _MOST_LAYERS - len(shop.base.layers)
    if most < 1:
        raise InputError(f"the base has {len(shop.base.layers)} layers, and no more fit on it")
    groups = group({name: wheels[name].stat().st_size for name in by_name}, most)
    return _layers(shop, [[by_name[name] for name in names] for names in groups], wheels)


def own_part(
    shop: Shop, packages: Sequence[Package], wheels: Wheels
) -> tuple[tuple[Layer, ...], Rows]:
    """As `package_parts`, of own code: one layer, or none where there is no such code."""
    return _layers(shop, [packages] if packages else [], wheels)


def gateway_parts(shop: Shop, packages: Sequence[Package], wheels: Wheels) -> tuple[Layer, ...]:
    """The gateway's own environment: what it needs, and Holdfast as it runs here."""
    layers, _ = _layers(shop, [packages], wheels, folder=GATEWAY)
    made_of = {
        "holdfast": own_identity(),
        "python": [shop.python.path, shop.python.version],
        "bytecode": shop.compiler and shop.compiler.version,
    }

    def entries() -> Sequence[Entry]:
        frame, _ = frame_entries(shop.python.path, shop.python.version, folder=GATEWAY)
        return _with_bytecode(shop, [*frame, *gateway_own_entries(shop.place(GATEWAY))])

    return (*layers, shop.keep(made_of, entries, "holdfast"))


def _with_bytecode(shop: Shop, entries: Sequence[Entry]) -> Sequence[Entry]:
    if shop.compiler is None:
        return entries
    compiled, _ = bytecode_of(entries, shop.compiler)
    return [*entries, *compiled]


def _layers(
    shop: Shop,
    groups: Sequence[Sequence[Package]],
    wheels: Wheels,
    *,
    folder: str = ENVIRONMENT,
) -> tuple[tuple[Layer, ...], Rows]:
    pinned = [[_pinned(package, wheels) for package in packages] for packages in groups]
    making = Making(
        place=shop.place(folder),
        compression=shop.compression,
        kept=shop.kept,
        mtime=shop.mtime,
        compiler=shop.compiler,
    )
    made = package_layers(pinned, making, lambda some: {one.name: wheels[one.name] for one in some})
    rows = {
        one.name: of_wheel
        for packages, kept in zip(pinned, made, strict=True)
        for one, of_wheel in zip(packages, kept.rows, strict=True)
    }
    return tuple(kept.layer for kept in made), rows


def _pinned(package: Package, wheels: Wheels) -> Pinned:
    chosen = package.chosen
    # What was built here is named by what came of it.
    built = chosen.kind != "wheel" or chosen.sha256 is None
    sha256 = digest_file(wheels[chosen.name]).sha256 if built else chosen.sha256
    return Pinned(name=chosen.name, version=chosen.version or "", sha256=str(sha256))


def frame_part(
    shop: Shop, contents: Contents, model: Model, wheels: Wheels, packages: Iterable[Layer]
) -> Layer:
    """What makes of the packages an environment in a store, as a user who owns nothing.

    Args:
        shop: Where it is made.
        contents: The environment.
        model: One that has it.
        wheels: Its packages' wheels, by name.
        packages: Their layers.

    Raises:
        MismatchError: A package is not the one that was sealed.
    """
    passwd, groups = (shop.base.tree.text(path) or None for path in ("/etc/passwd", "/etc/group"))
    made_of = {
        "environment": contents.key,
        "asked": contents.spec.digest(),
        "packages": [layer.diff_id for layer in packages],
        "python": [contents.python, *contents.program],
        "accounts": [passwd, groups],
    }

    def entries() -> list[Entry]:
        check_records(contents, partial(_record, shop.place(ENVIRONMENT), wheels))
        frame, _ = contents.frame
        return [*frame, *store_entries(contents, model), *account_entries(passwd, groups)]

    return shop.keep(made_of, entries, "holdfast: the environment's frame and its store")


def _record(place: Place, wheels: Wheels, name: str) -> str:
    """A package's RECORD, as it stands in the image."""
    from holdfast.image.layers.wheel import wheel_entries

    entries, _ = wheel_entries(wheels[name], place)
    folder = place.site_packages.lstrip("/")
    (record,) = (
        entry.content
        for entry in entries
        if entry.path.endswith(".dist-info/RECORD")
        and entry.path.count("/") == folder.count("/") + 2
    )
    content = read_stored(record) if isinstance(record, Stored) else record
    assert isinstance(content, bytes)  # noqa: S101 - no wheel's RECORD is a file of ours
    return content.decode()


def model_part(
    shop: Shop, contents: Contents, model: Model, slim: Slim | None, included: Iterable[str]
) -> Layer:
    """The model, as it was sealed, and what its slim environment was proven by.

    Raises:
        MismatchError: A file is not as it was sealed.
    """
    sealed = {**model.seal.files, SEAL_FILE: digest_file(model.path / SEAL_FILE)}
    entries = [*folder_entries(model.path, MODEL, sealed)]
    if slim is not None:
        entries += finding_entries(contents, model, slim, included)
    return shop.write(entries, "holdfast: the model")
