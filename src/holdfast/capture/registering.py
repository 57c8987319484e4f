"""What the registry is told of a model's seal when a version is made of it: two tags.

From then on another seal under the same version is a mismatch (CVE-2026-2651), and the version's
page in MLflow's UI says what it was sealed as.
"""

from __future__ import annotations

import logging
import tempfile
from pathlib import Path

from holdfast.errors import SealError
from holdfast.mlflow_store import GRADE_TAG, SEAL_TAG, fetch_seal
from holdfast.seal.digest import SEAL_FILE
from holdfast.seal.store import read_seal

_logger = logging.getLogger("holdfast")

# What a receipt said of the seal that was there before.
_OUTCOME_TAGS = ("verified", "verified_at", "checks", "slim")


def seal_tags(uri: str, folder: str | None) -> dict[str, str]:
    """The tags of a version of the model at `uri`; none where it is not sealed.

    Args:
        uri: What the version is made of.
        folder: The model's folder on this machine, where MLflow has just logged it.
    """
    try:
        if folder is not None and not Path(folder, SEAL_FILE).is_file():
            return {}
        with tempfile.TemporaryDirectory(prefix="holdfast-register-") as private:
            seal, digest = read_seal(Path(folder) if folder else fetch_seal(uri, Path(private)))
    except SealError:
        return {}
    except Exception:
        _logger.debug("holdfast: the version is not tagged", exc_info=True)
        return {}
    return {SEAL_TAG: digest, GRADE_TAG: seal.grade.value}


def retag(before: str, after: str) -> None:
    """The seal of a model was renewed, by MLflow's own function: its versions are tagged anew.

    Args:
        before: The digest that they are tagged with; what was verified of it counts no more.
        after: The digest of the new seal.
    """
    try:
        from mlflow.tracking import MlflowClient

        client = MlflowClient()
        for one in client.search_model_versions(f"tags.`{SEAL_TAG}` = '{before}'"):
            client.set_model_version_tag(one.name, one.version, SEAL_TAG, after)
            for name in _OUTCOME_TAGS:
                if f"holdfast.{name}" in one.tags:
                    client.delete_model_version_tag(one.name, one.version, f"holdfast.{name}")
    except Exception:
        _logger.warning(
            "holdfast: the registry's versions of this model are still tagged with its seal of "
            "before, %s…: a mismatch until %s is set to %s",
            before[:16],
            SEAL_TAG,
            after,
            exc_info=True,
        )
