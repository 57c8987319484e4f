"""The files that make a folder a virtual environment of the base's Python (PEP 405)."""

from __future__ import annotations

from posixpath import dirname

from holdfast.environment.tree import digest_bytes
from holdfast.image.inside.places import ENVIRONMENT, place_of
from holdfast.image.values import Entry, Row


def frame_entries(
    python: str, version: str, *, folder: str = ENVIRONMENT
) -> tuple[list[Entry], list[Row]]:
    """A virtual environment's own files, and a row for each that is no link.

    Args:
        python: The program's path in the base, links resolved: "/usr/local/bin/python3.11".
        version: Its full version.
        folder: Where the environment stands.
    """
    # What `home` says is where Python looks for its own library; the last line is for people.
    lines = (
        f"home = {dirname(python)}",
        "include-system-site-packages = false",
        f"version = {version}",
    )
    content = "".join(f"{line}\n" for line in lines).encode()
    settings = Entry(path=f"{folder}/pyvenv.cfg", content=content)
    links = {
        "bin/python": python,
        "bin/python3": "python",
        f"bin/python{place_of(folder, version).python_version}": "python",
        # Where the Pythons of some systems look for compiled packages; `venv` makes it, too.
        "lib64": "lib",
    }
    entries = [
        settings,
        *(Entry(path=f"{folder}/{path}", link=target) for path, target in links.items()),
    ]
    return entries, [(settings.path, len(content), digest_bytes(content))]
