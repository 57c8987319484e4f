"""A token server for `docker-registry`: who may do what, signed so that the registry believes it.

As the distribution project's "Token Authentication Implementation" has it.
"""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

from certificates import Authority
from registries import PASSWORD, USER, Exchange, Middle, between, say

SERVICE = "registry of tests"


@dataclass
class Tokens:
    """The server, and the `auth` of a registry that believes it.

    Attributes:
        middle: Its HTTP side: what it was asked.
        auth: For `registries.serving`.
    """

    middle: Middle
    auth: dict[str, object]

    @property
    def scopes(self) -> list[list[str]]:
        """What was asked for, request by request."""
        return [parse_qs(urlsplit(one.path).query).get("scope", []) for one in self.middle.seen]


@contextmanager
def token_server(folder: Path) -> Iterator[Tokens]:
    """USER may do all with PASSWORD; anybody else may pull what is in "public/"."""
    folder.mkdir(parents=True)
    authority = Authority(folder)
    cert, key = authority.sign("tokens")
    chain = x509.load_pem_x509_certificate(cert.read_bytes())
    private = serialization.load_pem_private_key(key.read_bytes(), None)
    assert isinstance(private, ec.EllipticCurvePrivateKey)
    leaf = base64.b64encode(chain.public_bytes(serialization.Encoding.DER)).decode()

    def answer(exchange: Exchange) -> None:
        known = f"{USER}:{PASSWORD}".encode()
        expected = f"Basic {base64.b64encode(known).decode()}"
        given = exchange.sent.get("Authorization")
        if given not in {None, expected}:
            say(exchange, 401, {"errors": []})
            return
        wanted = parse_qs(urlsplit(exchange.path).query).get("scope", [])
        access = [_granted(scope, all_of_it=given is not None) for scope in wanted]
        claims = {"iss": "tests", "sub": USER, "aud": SERVICE, "access": access, "jti": "1"}
        now = int(time.time())
        claims |= {"exp": now + 300, "nbf": now - 60, "iat": now}
        say(exchange, 200, {"token": _signed(private, leaf, claims)})

    with between(0) as middle:
        middle.spoil = answer
        token = {
            "realm": f"http://{middle.host}/token",
            "service": SERVICE,
            "issuer": "tests",
            "rootcertbundle": str(authority.ca),
        }
        yield Tokens(middle, {"token": token})


def _granted(scope: str, *, all_of_it: bool) -> dict[str, object]:
    kind, name, actions = scope.split(":")
    allowed = actions.split(",") if all_of_it else []
    if name.startswith("public/"):
        allowed = allowed or ["pull"]
    return {"type": kind, "name": name, "actions": allowed}


def _signed(key: ec.EllipticCurvePrivateKey, leaf: str, claims: dict[str, object]) -> str:
    """A JSON web token (RFC 7519) of ES256."""
    header = {"typ": "JWT", "alg": "ES256", "x5c": [leaf]}
    said = f"{_packed(json.dumps(header).encode())}.{_packed(json.dumps(claims).encode())}"
    r, s = decode_dss_signature(key.sign(said.encode(), ec.ECDSA(hashes.SHA256())))
    return f"{said}.{_packed(r.to_bytes(32, 'big') + s.to_bytes(32, 'big'))}"


def _packed(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).decode().rstrip("=")
