"""One image for one platform: the base, the layers on it, and how it is run.

Nothing is installed or run: packages are chosen for the base's Python from the model's lock, and
their wheels become layers.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from holdfast.environment.plan import Package
from holdfast.environment.python import choose_python
from holdfast.environment.spec import Spec
from holdfast.environment.store import Store
from holdfast.errors import InputError, SealError
from holdfast.home import home
from holdfast.image.base.open import Base, open_base, target_of
from holdfast.image.base.preflight import preflight
from holdfast.image.base.prune import BASES
from holdfast.image.base.python import BasePython
from holdfast.image.inside.chosen import choose_kept
from holdfast.image.inside.config import image_config
from holdfast.image.inside.contents import Contents
from holdfast.image.inside.frame import frame_entries
from holdfast.image.inside.gateway import gateway_packages
from holdfast.image.inside.labels import image_labels
from holdfast.image.layers.bytecode import Compiler
from holdfast.image.layers.compress import Compression
from holdfast.image.oci.config import config_of
from holdfast.image.oci.manifest import manifest_of
from holdfast.image.parts import (
    Shop,
    Wheels,
    base_parts,
    frame_part,
    gateway_parts,
    model_part,
    own_part,
    package_parts,
)
from holdfast.image.values import Image, Layer, Platform
from holdfast.model import Model
from holdfast.progress import Progress
from holdfast.restore.restored import Slim
from holdfast.wheels.fetch import fetch

# RFC 3339, to the second, as seals are written.
_TIME = re.compile(r"[0-9]{4}-[01][0-9]-[0-3][0-9]T[0-2][0-9]:[0-5][0-9]:[0-5][0-9](Z|\+00:00)")
_NANOSECONDS = 1_000_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What images are made of, whatever the platform.

    Attributes:
        model: The model.
        spec: What its seal asks of a store.
        base: The base's name, as it was given.
        compression: Of each layer.
        mtime: Of every file, in seconds since the epoch.
        slim: How a slim environment stands to the whole one; None for the whole one.
        slim_include: Packages that a slim one was to have in any case.
        bytecode: Compile modules.
        offline: Fetch nothing.
        strict: Refuse another patch release of Python than the sealed one.
        scratch: A folder for layers that are not kept.
        on_progress: Told what takes time, a line at a time.
    """

    model: Model
    spec: Spec
    base: str
    compression: Compression
    mtime: int
    slim: Slim | None
    slim_include: tuple[str, ...]
    bytecode: bool
    offline: bool
    strict: bool
    scratch: Path
    on_progress: Progress


@dataclass(frozen=True, slots=True, kw_only=True)
class Assembled:
    """An image, and what went into it.

    Attributes:
        image: The image.
        base: What it stands on.
        packages: Of the model's environment.
        gateway: Of the gateway's.
        notes: What the user should know.
    """

    image: Image
    base: Base
    packages: tuple[Package, ...]
    gateway: tuple[Package, ...]
    notes: tuple[str, ...]


def assemble(asked: Asked, platform: Platform) -> Assembled:
    """The image of a model for `platform`.

    Raises:
        InputError: The base cannot carry it; every reason is named.
        LockError: The lock has nothing for the platform.
        MismatchError: A file of the model, a wheel or a blob is not what it must be.
        ToolError: The network, an index or a registry failed.
        StoreError: Something cannot be kept.
    """
    say, offline = asked.on_progress, asked.offline
    base = open_base(asked.base, platform, kept=home() / BASES, offline=offline, on_progress=say)
    sealed = asked.model.seal.python
    python = base.python(sealed.version, sealed.implementation)
    target = target_of(base, python)
    packages = choose_kept(asked.spec.pylock, target, asked.spec.only)
    gateway = gateway_packages(target, offline=offline, on_progress=say)
    wheels = fetch(
        packages,
        folder=asked.spec.folder,
        indexes=asked.spec.indexes,
        target=target,
        offline=offline,
        on_progress=say,
    )
    gateways = fetch(
        gateway,
        folder=asked.spec.folder,
        indexes=(),
        target=target,
        offline=offline,
        on_progress=say,
    )
    say("looking at what the packages ask of the base")
    notes = _refuse_unfit(asked, base, python, (wheels, gateways))
    shop = Shop(
        base=base,
        python=python,
        target=target,
        compression=asked.compression,
        kept=home() / "layers",
        scratch=asked.scratch,
        mtime=asked.mtime,
        compiler=_compiler(asked, python) if asked.bytecode else None,
    )
    say(f"making the layers of {len(packages)} packages for {platform}")
    image = _image(asked, shop, packages, wheels, gateway_parts(shop, gateway, gateways))
    return Assembled(image=image, base=base, packages=packages, gateway=gateway, notes=notes)


def sealed_at(model: Model) -> str:
    """When the model was sealed, which is all the time that an image of it knows.

    Raises:
        SealError: It says no time, and nobody could read such an image's config.
    """
    if not _TIME.fullmatch(model.seal.created):
        raise SealError(f"{model.uri}: its seal was made at no time: {model.seal.created!r}")
    return model.seal.created


def _compiler(asked: Asked, python: BasePython) -> Compiler:
    """A Python of this machine whose bytecode the base's can load."""
    found = choose_python(
        python.version,
        python.implementation,
        offline=asked.offline,
        remembered=Store.open().layout.pythons,
        on_progress=asked.on_progress,
    )
    return Compiler(python=found.path, version=found.version)


def _refuse_unfit(
    asked: Asked, base: Base, python: BasePython, environments: Sequence[Wheels]
) -> tuple[str, ...]:
    """Look before anything is made; what the user should know."""
    sealed = asked.model.seal.python
    found = preflight(base, python, environments, sealed, kept=home() / BASES)
    found.refuse()
    if asked.strict and python.version != sealed.version:
        raise InputError(
            f"the base has Python {python.version}; the model was logged with {sealed.version}",
            hint="leave out --strict, or choose a base with that release",
        )
    return found.notes


def _image(
    asked: Asked,
    shop: Shop,
    packages: tuple[Package, ...],
    wheels: Wheels,
    gateway: tuple[Layer, ...],
) -> Image:
    model, base, python = asked.model, shop.base, shop.python
    others, rows = package_parts(shop, [one for one in packages if not one.path], wheels)
    own, own_rows = own_part(shop, [one for one in packages if one.path], wheels)
    contents = Contents(
        spec=asked.spec,
        packages=packages,
        target=shop.target,
        python=python.path,
        program=(python.size, python.mtime_ns // _NANOSECONDS),
        frame=frame_entries(python.path, python.version),
        rows={**rows, **own_rows},
        time=asked.mtime,
    )
    layers = (
        *base_parts(shop),
        *others,
        *gateway,
        *own,
        frame_part(shop, contents, model, wheels, (*others, *own)),
        model_part(shop, contents, model, asked.slim, asked.slim_include),
    )
    labels = image_labels(
        model, contents.key, python.version, base_name=base.name, base_digest=base.digest
    )
    runs = image_config(
        base.config.get("config") or {},
        labels,
        slim=asked.slim is not None,
        slim_include=asked.slim_include,
    )
    config = config_of(base.platform, layers, runs, sealed_at(model))
    manifest = manifest_of(base.platform, config, layers, labels)
    return Image(platform=base.platform, manifest=manifest, config=config, layers=layers)
