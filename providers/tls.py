"""TLS as a session check needs it: verified always, and remembered."""

import ssl
from datetime import UTC, datetime
from pathlib import Path
from threading import Lock
from weakref import WeakValueDictionary

from providers.base import TlsSession

_shared: WeakValueDictionary[tuple[object, ...], ssl.SSLContext] = WeakValueDictionary()
_sharing = Lock()


class ClientCertificateError(OSError):
    """The client certificate or its key cannot be used."""


def make_context(
    ca_file: str | None,
    protocol: str | None = None,
    client_certificate_file: str | None = None,
    client_key_file: str | None = None,
) -> ssl.SSLContext:
    """Return a context that verifies chain and name, TLS 1.2 or newer; not to be changed, for others have it too.

    Whoever asks for the same authorities while somebody holds them gets the same context: one with the system's
    takes 0.85 MB and 20 ms (Debian 12, Python 3.11, 2026-11). A changed file is read anew. Thread-safe.
    `protocol` is offered to the peer ("http/1.1"; RFC 7301); None offers nothing. The client certificate is shown to a
    peer that asks for one.

    Raises:
        ClientCertificateError: the client certificate or its key cannot be used.
        OSError, ssl.SSLError: the file cannot be read or holds no certificate.
    """
    with _sharing:
        own = (client_certificate_file, client_key_file)
        key = (protocol, *_authorities(ca_file), *map(_stamp, own))
        context = _shared.get(key)
        if context is None:
            context = ssl.create_default_context(ssl.Purpose.SERVER_AUTH, cafile=ca_file)
            context.minimum_version = ssl.TLSVersion.TLSv1_2
            if protocol is not None:
                context.set_alpn_protocols([protocol])
            if client_certificate_file is not None:
                _show(context, client_certificate_file, client_key_file)
            _shared[key] = context
    return context


def _show(context: ssl.SSLContext, certificate_file: str, key_file: str | None) -> None:
    try:
        context.load_cert_chain(certificate_file, key_file, password=lambda: "")  # never ask at a terminal
    except (OSError, ValueError) as error:
        said = getattr(error, "strerror", None) or getattr(error, "reason", None) or error
        raise ClientCertificateError(
            f"client_certificate_file {certificate_file} with client_key_file {key_file} cannot be used: {said}"
        ) from error


def _stamp(file: str | None) -> object:
    """Return what tells a file from its later self; a missing one fails when it is loaded."""
    if file is None:
        return None
    try:
        status = Path(file).stat()
    except OSError:
        return file
    return (file, status.st_ino, status.st_mtime_ns, status.st_size)


def _authorities(ca_file: str | None) -> tuple[object, ...]:
    """Return what tells one set of authorities from another."""
    file = ca_file or ssl.get_default_verify_paths().cafile
    if file is None:
        return (None,)
    status = Path(file).stat()
    return (ca_file, status.st_ino, status.st_mtime_ns, status.st_size)


def describe_session(tls: ssl.SSLObject) -> TlsSession:
    """Return version, cipher and the certificate's expiry as negotiated."""
    cipher = tls.cipher()
    expiry = (tls.getpeercert() or {}).get("notAfter")
    return TlsSession(
        version=tls.version() or "unknown",
        cipher=cipher[0] if cipher else "unknown",
        not_after=datetime.fromtimestamp(ssl.cert_time_to_seconds(expiry), UTC) if isinstance(expiry, str) else None,
    )
