"""Where an image comes from: an in-toto statement with a SLSA provenance predicate, version 1.

It says what went into the image, each with its digest, and who made it; every wheel by the lock,
which has its hash, and by the SBOM. Unsigned, it is a claim.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from holdfast import __version__
from holdfast.image.attach.contents import Contents

STATEMENT = "https://in-toto.io/Statement/v1"
PREDICATE = "https://slsa.dev/provenance/v1"
# What `externalParameters` mean: those of `holdfast image` (docs/images.md).
BUILD = "urn:holdfast:image:1"
BUILDER = "urn:holdfast:image"


def provenance(contents: Contents) -> dict[str, Any]:
    """The statement. No time and no machine is in it: the same inputs give the same bytes."""
    return {
        "_type": STATEMENT,
        "subject": [{"name": contents.name, "digest": _digest(contents.digest)}],
        "predicateType": PREDICATE,
        "predicate": {
            "buildDefinition": {
                "buildType": BUILD,
                "externalParameters": {
                    "model": contents.name,
                    "base": contents.base,
                    "platform": str(contents.image.platform),
                },
                "internalParameters": {},
                "resolvedDependencies": list(_materials(contents)),
            },
            "runDetails": {
                "builder": {"id": BUILDER, "version": {"holdfast": __version__}},
            },
        },
    }


def _materials(contents: Contents) -> Iterator[dict[str, Any]]:
    seal = contents.model.seal
    yield {"name": "base", "uri": contents.base, "digest": _digest(contents.base_digest)}
    yield {"name": "holdfast/seal.json", "digest": {"sha256": contents.model.digest}}
    if seal.lock:
        yield {"name": "pylock.toml", "digest": {"sha256": seal.lock}}
    if seal.project.commit:
        project = {"name": seal.project.name, "digest": {"gitCommit": seal.project.commit}}
        yield {**project, "annotations": {"dirty": seal.project.dirty}}


def _digest(text: str) -> dict[str, str]:
    algorithm, _, value = text.partition(":")
    return {algorithm: value}
