"""Signs a message with the sending domain's own key, as its live mail is signed (RFC 6376, RFC 8463)."""

import base64
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any

from providers.errors import DkimKeyError

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes

_LEAST_RSA_BITS = 1024  # RFC 8301 §3.2
# RFC 6376 §5.4.1. A relay may add fields of its own, and replaces none of these. "from" twice: no second one can be
# added above or below (§8.15).
_SIGNED = (
    *("from", "from", "to", "subject", "date", "message-id", "mime-version", "content-type"),
    *("content-transfer-encoding", "auto-submitted"),
)
_RELAXED = (b"relaxed", b"relaxed")


@dataclass(frozen=True, slots=True, kw_only=True)
class _PreparedKey:
    """A key in the form that dkimpy takes."""

    algorithm: bytes
    text: bytes = field(repr=False)


@dataclass(frozen=True, kw_only=True)
class DkimSigner:
    """Signs for one domain with one key."""

    domain: str
    selector: str
    key: str = field(repr=False)  # PEM (RSA, Ed25519), or the 32 bytes of an Ed25519 key in base64

    def sign(self, content: bytes, at: datetime) -> bytes:
        """Return the message with a DKIM-Signature field on top, dated `at`; lines must end in CRLF.

        Raises:
            DkimKeyError: the key cannot be used.
        """
        prepared = self._prepared
        present = {line.split(b":")[0].strip().lower() for line in content.partition(b"\r\n\r\n")[0].split(b"\r\n")}
        fields = [name for name in _SIGNED if name.encode() in present]
        made = _signer(content, prepared.algorithm, int(at.timestamp())).sign(
            self.selector.encode(),
            self.domain.encode(),
            prepared.text,
            canonicalize=_RELAXED,
            include_headers=[name.encode() for name in fields],
        )
        return bytes(made) + content

    @cached_property
    def _prepared(self) -> _PreparedKey:
        return _prepare(self.key)


def check_key(key: str) -> None:
    """Raise if this is no key to sign with.

    Raises:
        DkimKeyError: what was seen, and what to do; never the key.
    """
    _prepare(key)


def _prepare(key: str) -> _PreparedKey:
    from cryptography.hazmat.primitives import serialization  # noqa: PLC0415 - large, and few sign
    from cryptography.hazmat.primitives.asymmetric import ed25519, rsa  # noqa: PLC0415

    if "-----BEGIN" not in key:
        return _seed(key)
    try:
        found: PrivateKeyTypes = serialization.load_pem_private_key(key.encode(), password=None)
    except TypeError:
        raise DkimKeyError("the key has a pass phrase; write it without one, closed to others") from None
    except Exception:  # noqa: BLE001 - the library's errors have no common parent, and may quote the text
        raise DkimKeyError("the PEM text holds no private key; name the file of the private key") from None
    if isinstance(found, ed25519.Ed25519PrivateKey):
        raw = found.private_bytes_raw()
        return _PreparedKey(algorithm=b"ed25519-sha256", text=base64.b64encode(raw))
    if not isinstance(found, rsa.RSAPrivateKey):
        raise DkimKeyError("the key is neither RSA nor Ed25519; DKIM has no other (RFC 8301, RFC 8463)")
    if found.key_size < _LEAST_RSA_BITS:
        raise DkimKeyError(f"the RSA key has {found.key_size} bits, and receivers ignore it; make one of 2048")
    pem = found.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
    )
    return _PreparedKey(algorithm=b"rsa-sha256", text=pem)


def _seed(key: str) -> _PreparedKey:
    try:
        seed = base64.b64decode("".join(key.split()), validate=True)
    except ValueError:
        seed = b""
    if len(seed) != hashlib.sha256().digest_size:  # 32 bytes
        raise DkimKeyError("neither PEM nor 32 bytes in base64; name the file of the private key")
    return _PreparedKey(algorithm=b"ed25519-sha256", text=base64.b64encode(seed))


def _signer(content: bytes, algorithm: bytes, seconds: int) -> Any:
    """Return dkimpy's signer for this message, with the time given to it: it would read the clock itself."""
    import dkim  # noqa: PLC0415 - brings a resolver

    class Dated(dkim.DKIM):  # type: ignore[misc]  # dkimpy has no types
        def gen_header(self, fields: Sequence[tuple[bytes, bytes]], *rest: Any, **more: Any) -> bytes:
            dated = [(name, str(seconds).encode() if name == b"t" else value) for name, value in fields]
            return bytes(super().gen_header(dated, *rest, **more))

    return Dated(content, signature_algorithm=algorithm)
