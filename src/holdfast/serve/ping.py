"""`python -m holdfast.serve.ping`: whether the server beside this process is ready; for an image.

Exits with 0 where `/ping` answers with 200 on a port that `holdfast serve` has in an image. On the
standard library, so that it is over at once.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Mapping
from http.client import HTTPConnection, HTTPException

_SECONDS = 3.0
_VARIABLES = ("SAGEMAKER_BIND_TO_PORT", "HOLDFAST_SERVE_PORT")
_DEFAULT = "8000"


def ports(variables: Mapping[str, str]) -> list[int]:
    """Where a server is looked for: as its variables say, and where it is by default."""
    named = [*(variables.get(name, "") for name in _VARIABLES), _DEFAULT]
    return list(dict.fromkeys(int(text) for text in named if text.isdecimal()))


def is_ready(candidates: Iterable[int]) -> bool:
    """Whether a server on this machine's loopback is ready."""
    return any(map(_answers, candidates))


def _answers(port: int) -> bool:
    connection = HTTPConnection("127.0.0.1", port, timeout=_SECONDS)
    try:
        connection.request("GET", "/ping")
        return connection.getresponse().status == 200  # noqa: PLR2004 - OK
    except (OSError, HTTPException):
        return False
    finally:
        connection.close()


if __name__ == "__main__":
    sys.exit(0 if is_ready(ports(os.environ)) else 1)
