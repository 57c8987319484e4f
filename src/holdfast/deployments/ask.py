"""Asking a deployment's server: what a caller hands in as a request, and the answer to it."""

from __future__ import annotations

import http.client
import json
import socket
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from mlflow.exceptions import MlflowException, RestException

_UNIX = "http+unix://"
# What says how a request is meant; see docs/serving-protocol.md.
_FORMATS = {"dataframe_split", "dataframe_records", "instances", "inputs", "messages", "prompt"}
# Beyond the server's own deadline.
_PATIENCE = 10.0


def body_of(inputs: Any) -> str:
    """The body of a request for what a caller handed in, as MLflow's other targets take it.

    A DataFrame, an array, a list or text that is JSON already; a dictionary is a request as the
    protocol has it, or else columns or tensors by name.
    """
    from mlflow.utils.proto_json_utils import NumpyEncoder, dump_input_data

    if isinstance(inputs, Mapping):
        whole = inputs if _FORMATS & inputs.keys() else {"inputs": dict(inputs)}
        return json.dumps(whole, cls=NumpyEncoder)
    text: str = dump_input_data(inputs, inputs_key="instances")
    return text


def ask(url: str, body: str, *, timeout: float, key_file: str = "") -> str:
    """POST a request for predictions; the answer's body.

    Args:
        url: Of the server.
        body: JSON.
        timeout: Seconds that the server gives a request.
        key_file: Of which the first key is shown.

    Raises:
        MlflowException: The server refused it, and says why.
        OSError: Nobody is there.
    """
    headers = {"content-type": "application/json"}
    if key_file:
        headers["authorization"] = f"Bearer {_key(key_file)}"
    connection = _connect(url, timeout + _PATIENCE)
    try:
        connection.request("POST", "/invocations", body.encode(), headers)
        response = connection.getresponse()
        text = response.read().decode()
    finally:
        connection.close()
    if response.status != http.HTTPStatus.OK:
        raise _refused(response.status, text)
    return text


def _connect(url: str, timeout: float) -> http.client.HTTPConnection:
    if url.startswith(_UNIX):
        return _UnixConnection(url.removeprefix(_UNIX), timeout)
    where = urlsplit(url)
    return http.client.HTTPConnection(where.hostname or "", where.port, timeout=timeout)


class _UnixConnection(http.client.HTTPConnection):
    """HTTP over a Unix socket."""

    def __init__(self, path: str, timeout: float) -> None:
        super().__init__("localhost", timeout=timeout)
        self._path = path

    def connect(self) -> None:
        """See http.client."""
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)


def _key(path: str) -> str:
    lines = Path(path).read_text(encoding="utf-8").splitlines()
    return next((line.strip() for line in lines if line.strip() and line[0] != "#"), "")


def _refused(status: int, text: str) -> MlflowException:
    """What the server said, as MLflow's own exception."""
    try:
        said = json.loads(text)
    except ValueError:
        said = None
    if isinstance(said, dict) and "message" in said:
        return RestException(said)
    return MlflowException(f"the server answered with {status}: {text[:500]}")
