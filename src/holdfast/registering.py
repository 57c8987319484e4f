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
