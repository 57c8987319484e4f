"""This Holdfast's version and source, for projects that are to have the same one."""

from __future__ import annotations

import json
from importlib import metadata
from pathlib import Path
from urllib.parse import unquote, urlsplit

from holdfast.errors import ToolError


def version() -> str:
    """Its version."""
    return metadata.version("holdfast")


def source() -> str:
    """The wheel or folder that this Holdfast was installed from (PEP 610); "" for an index.

    Raises:
        ToolError: It is not there any more, or was never on this machine.
    """
    record = metadata.distribution("holdfast").read_text("direct_url.json")
    if record is None:
        return ""
    url = json.loads(record)["url"]
    path = Path(unquote(urlsplit(url).path))
    if urlsplit(url).scheme != "file" or not path.exists():
        raise ToolError(f"this Holdfast came from {url}, which is not there any more")
    return str(path)
