"""Pulling an image for one platform, into a folder that keeps what was pulled.

The folder is an OCI layout: what was pulled under a name is found there again, without a network.
"""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace
from pathlib import Path

from holdfast.errors import InputError, MismatchError
from holdfast.image.oci.layout import REF_NAME, open_layout
from holdfast.image.oci.take import Taken, take
from holdfast.image.oci.write import add_blob, change_names, make_folder
from holdfast.image.registry.client import Client
from holdfast.image.registry.reference import Reference, parse_reference
from holdfast.image.registry.repository import Repository
from holdfast.image.registry.tally import Tally
from holdfast.image.values import Platform
from holdfast.progress import Progress, silent


def pull(
    reference: Reference | str,
    platform: Platform,
    into: Path,
    on_progress: Progress = silent,
    *,
    offline: bool = False,
) -> Taken:
    """The image of that name, its layers on disk.

    Args:
        reference: Which image.
        platform: What it shall run on.
        into: A layout's folder that keeps what was pulled; made if it is not there.
        on_progress: Told how much is there.
        offline: Only what is kept.

    Raises:
        InputError: It is not there, not for this platform, or no image.
        MismatchError: The registry sends something else than its digests say.
        ToolError: The registry failed, or does not let us.
        StoreError: It cannot be written.
    """
    if isinstance(reference, str):
        reference = parse_reference(reference)
    make_folder(into)
    kept_as = f"{reference} {platform}"
    if offline or reference.digest:
        kept = _kept(platform, into, kept_as)
        if kept is not None:
            return _with_source(kept, reference)
        if offline:
            raise InputError(
                f"{reference} for {platform} was never pulled", hint="try without --offline"
            )
    tally = Tally(on_progress, f"pulling {reference}")
    with closing(Client(reference)) as client:
        repository = Repository(client)
        taken = take(repository, reference.wanted, platform, into, tally.add)
    for document in repository.documents.values():
        add_blob(into, document)
    named = replace(repository.documents[taken.digest].descriptor, annotations={REF_NAME: kept_as})
    change_names(into, [named])
    return _with_source(taken, reference)


def _kept(platform: Platform, into: Path, kept_as: str) -> Taken | None:
    """What was pulled before; None where that is not all there, or spoilt."""
    try:
        return take(open_layout(into), kept_as, platform, into)
    except (InputError, MismatchError):
        return None


def _with_source(taken: Taken, reference: Reference) -> Taken:
    return taken._replace(
        layers=tuple(replace(layer, source=reference.source) for layer in taken.layers)
    )
