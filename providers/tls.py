"""TLS as a session check needs it: verified always, and remembered."""

import ssl
from datetime import UTC, datetime

from providers.base import TlsSession


def make_context(ca_file: str | None) -> ssl.SSLContext:
    """Return a context that verifies chain and name, TLS 1.2 or newer.

    Raises:
        OSError, ssl.SSLError: the file cannot be read or holds no certificate.
    """
    context = ssl.create_default_context(ssl.Purpose.SERVER_AUTH, cafile=ca_file)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


def describe_session(tls: ssl.SSLObject) -> TlsSession:
    """Return version, cipher and the certificate's expiry as negotiated."""
    cipher = tls.cipher()
    expiry = (tls.getpeercert() or {}).get("notAfter")
    return TlsSession(
        version=tls.version() or "unknown",
        cipher=cipher[0] if cipher else "unknown",
        not_after=datetime.fromtimestamp(ssl.cert_time_to_seconds(expiry), UTC) if isinstance(expiry, str) else None,
    )
