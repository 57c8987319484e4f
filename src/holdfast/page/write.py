"""Writing the page beside a seal. The one file of this room that touches a disk."""

from __future__ import annotations

import logging
import re
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from holdfast.page.page import render
from holdfast.page.sections import PAGE_FILE
from holdfast.seal.digest import digest_file
from holdfast.seal.golden import Golden
from holdfast.seal.seal import Seal
from holdfast.seal.store import write_file

_logger = logging.getLogger("holdfast")

# What of MLmodel names the model: keys at its top, whose values need no quotes in a shell.
_NAMED = re.compile(r"^(model_id|run_id|artifact_path): ([\w][\w./-]*)$", re.MULTILINE | re.ASCII)
_MOST = 1 << 20


def with_page(folder: Path, seal: Seal, golden: Golden | None) -> Seal:
    """Write the page of the model in `folder`; its seal, with the page's digest.

    Never raises: a model without a page is a model all the same.
    """
    path = folder / PAGE_FILE
    try:
        write_file(path, render(seal, golden, uri_in(folder)).encode())
        return replace(seal, files={**seal.files, PAGE_FILE: digest_file(path)})
    except Exception:
        _logger.debug("holdfast: no page was written", exc_info=True)
        with suppress(OSError):
            path.unlink(missing_ok=True)
        return seal


def uri_in(folder: Path) -> str:
    """How commands name the model in `folder`, as far as its own `MLmodel` knows."""
    try:
        with (folder / "MLmodel").open(encoding="utf-8") as file:
            found = dict(_NAMED.findall(file.read(_MOST)))
    except (OSError, UnicodeDecodeError):
        found = {}
    if "model_id" in found:
        return f"models:/{found['model_id']}"
    if "run_id" in found and "artifact_path" in found:
        return f"runs:/{found['run_id']}/{found['artifact_path']}"
    return "MODEL"
