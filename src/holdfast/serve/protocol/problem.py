"""Problems, as MLflow's scoring server words them: a status, a code and a message in JSON.

The codes are those of MLflow's `databricks_pb2.ErrorCode`, which its clients know.
"""

from __future__ import annotations

import json
from dataclasses import dataclass

_STATUS = {
    "BAD_REQUEST": 400,
    "INVALID_PARAMETER_VALUE": 400,
    "UNAUTHENTICATED": 401,
    "PERMISSION_DENIED": 403,
    "ENDPOINT_NOT_FOUND": 404,
    "METHOD_NOT_ALLOWED": 405,
    "REQUEST_TIMEOUT": 408,
    "REQUEST_TOO_LARGE": 413,
    "UNSUPPORTED_MEDIA_TYPE": 415,
    "REQUEST_HEAD_TOO_LARGE": 431,
    "INTERNAL_ERROR": 500,
    "TEMPORARILY_UNAVAILABLE": 503,
    "DEADLINE_EXCEEDED": 504,
}
_LONGEST = 2000


@dataclass(frozen=True, slots=True)
class Problem:
    """What went wrong with one request: a code of MLflow's and what to tell the client."""

    code: str
    message: str

    @property
    def status(self) -> int:
        """The HTTP status."""
        return _STATUS[self.code]

    @property
    def body(self) -> bytes:
        """The JSON body."""
        said = {"error_code": self.code, "message": self.message[:_LONGEST]}
        return json.dumps(said, ensure_ascii=False).encode("utf-8", "backslashreplace")
