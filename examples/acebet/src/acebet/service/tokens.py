"""Bearer tokens: signed, valid for half an hour, and naming nothing but who they are for."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import jwt

LIFETIME = timedelta(minutes=30)
# Named here and never taken from a token (RFC 8725 section 3.1).
_ALGORITHM = "HS256"


def make_token(name: str, key: str) -> str:
    """A token for `name`, from now on (JWT, RFC 7519)."""
    now = datetime.now(timezone.utc)
    claims = {"sub": name, "iat": now, "exp": now + LIFETIME}
    return jwt.encode(claims, key, algorithm=_ALGORITHM)


def read_token(token: str, key: str) -> str | None:
    """Whom the token is for; None where it is over, another's, or no token at all."""
    try:
        claims = jwt.decode(
            token, key, algorithms=[_ALGORITHM], options={"require": ["exp", "iat", "sub"]}
        )
    except jwt.InvalidTokenError:
        return None
    return str(claims["sub"])
