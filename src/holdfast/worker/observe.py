"""Observe: what this process has loaded, and what it runs on. Inside restored environments.

Standard library only, and Python 3.8 upwards.
"""

from __future__ import annotations

import csv
import hashlib
import importlib.metadata
import json
import os
import platform
import re
import sys
import sysconfig
import urllib.parse
from typing import Any, Iterator

_DIGEST_CHUNK = 1 << 20


def observe(model: str, own_package: str) -> dict[str, Any]:
    """What has been imported or mapped into memory so far.

    Args:
        model: The model's folder.
        own_package: The name that the worker's own modules have.

    Returns:
        `distributions`: installed name -> version, for each that a loaded file belongs to;
        `code`: names of modules that come from the model's folder;
        `strays`: `{"module", "file"}` of those that come from no distribution, not from the
        model and not from the standard library.
    """
    modules = dict(_loaded_modules(own_package))
    loaded: set[str] = set(modules.values()) | set(_mapped_files())
    left = set(loaded)
    distributions: dict[str, str] = {}
    for distribution in importlib.metadata.distributions():
        # A file may be in two distributions: mlflow and mlflow-skinny share most of theirs.
        found = loaded.intersection(_files_of(distribution))
        found = found or _under_editable(distribution, loaded)
        if found:
            left -= found
            distributions[_name(distribution)] = distribution.version
    strays, code = [], []
    root = os.path.join(os.path.realpath(model), "")
    for name, path in sorted(modules.items()):
        if path not in left or _is_standard(path):
            continue
        if os.path.realpath(path).startswith(root):
            code.append(name)
        else:
            strays.append({"module": name, "file": path})
    return {"distributions": distributions, "code": code, "strays": strays}


def describe() -> dict[str, Any]:
    """The interpreter, the platform and the packages, as JSON."""
    packages = {_name(found): found.version for found in importlib.metadata.distributions()}
    return {
        "python": platform.python_version(),
        "build": sys.version,
        "implementation": platform.python_implementation(),
        "soabi": sysconfig.get_config_var("SOABI"),
        "cache_tag": sys.implementation.cache_tag,
        "libc": _libc(),
        "platform": sysconfig.get_platform(),
        "system": platform.platform(),
        "machine": platform.machine(),
        "executable": sys.executable,
        "executable_sha256": _digest(os.path.realpath(sys.executable)),
        "prefix": sys.prefix,
        "base_prefix": sys.base_prefix,
        "path": list(sys.path),
        "flags": {name: getattr(sys.flags, name) for name in _flag_names()},
        "packages": packages,
    }


def _loaded_modules(own_package: str) -> Iterator[tuple[str, str]]:
    for name, module in list(sys.modules.items()):
        path = getattr(module, "__file__", None)
        if name == "__main__" or name.split(".")[0] == own_package or not isinstance(path, str):
            continue
        yield name, os.path.abspath(path)


def _mapped_files() -> Iterator[str]:
    """Compiled libraries in memory: some come without a module, loaded by another library."""
    try:
        with open("/proc/self/maps", encoding="utf-8", errors="surrogateescape") as maps:
            for line in maps:
                path = line.rstrip("\n").partition("/")
                if path[1]:
                    yield "/" + path[2]
    except OSError:  # not Linux
        return


def _files_of(distribution: Any) -> Iterator[str]:
    """Absolute paths, from RECORD as text: `distribution.files` makes an object of each line."""
    record = distribution.read_text("RECORD")
    if record is None:
        return
    root = os.path.abspath(str(distribution.locate_file("")))
    for row in csv.reader(record.splitlines()):
        if row:
            path = os.path.join(root, row[0])
            yield os.path.normpath(path) if ".." in path else path


def _under_editable(distribution: Any, files: set[str]) -> set[str]:
    text = distribution.read_text("direct_url.json")
    try:
        origin = json.loads(text or "{}")
        editable = origin.get("dir_info", {}).get("editable", False)
        parts = urllib.parse.urlsplit(origin.get("url", ""))
    except (ValueError, AttributeError):
        return set()
    if not editable or parts.scheme != "file":
        return set()
    root = os.path.join(urllib.parse.unquote(parts.path), "")
    # The environment may lie inside the project: its packages are not the project's code.
    return {
        path
        for path in files
        if path.startswith(root) and "site-packages" not in path.split(os.sep)
    }


def _is_standard(path: str) -> bool:
    paths = {sysconfig.get_path(name) for name in ("stdlib", "platstdlib")}
    inside = any(path.startswith(os.path.join(root, "")) for root in paths if root)
    return inside and not {"site-packages", "dist-packages"}.intersection(path.split(os.sep))


def _name(distribution: Any) -> str:
    # PEP 503; metadata may be missing a name where a folder is only a leftover.
    name = distribution.metadata["Name"] or "unknown"
    return re.sub(r"[-_.]+", "-", name).lower()


def _libc() -> str:
    name, version = platform.libc_ver()
    host = sysconfig.get_config_var("HOST_GNU_TYPE") or ""
    if name != "glibc" and host.endswith("musl"):
        return "musl"
    return (name + " " + version).strip()


def _digest(path: str) -> str:
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        for chunk in iter(lambda: file.read(_DIGEST_CHUNK), b""):
            digest.update(chunk)
    return digest.hexdigest()


def _flag_names() -> list[str]:
    return [
        name
        for name in dir(sys.flags)
        if not name.startswith(("_", "n_")) and name not in ("count", "index")
    ]
