"""TLS: what HTTPS is spoken with, 1.2 at least."""

from __future__ import annotations

import ssl

from holdfast.errors import InputError
from holdfast.serve.settings import Tls


def tls_context(tls: Tls) -> ssl.SSLContext:
    """The certificate and its key, and whose clients' certificates are asked for.

    Raises:
        InputError: A file cannot be read, or is not what it should be.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    # A key with a passphrase would ask for it at a terminal that nobody sits at.
    nothing = lambda: b""  # noqa: E731
    try:
        context.load_cert_chain(tls.cert, tls.key, password=nothing)
    except OSError as error:
        files = f"{tls.cert} and {tls.key}" if tls.key else f"{tls.cert}"
        why = error.strerror or error
        raise InputError(
            f"no certificate and key could be read from {files}: {why}",
            hint="both in PEM, the key without a passphrase",
        ) from error
    if tls.client_ca is not None:
        try:
            context.load_verify_locations(tls.client_ca)
        except OSError as error:
            why = error.strerror or error
            raise InputError(f"no certificate could be read from {tls.client_ca}: {why}") from error
        context.verify_mode = ssl.CERT_REQUIRED
    return context
