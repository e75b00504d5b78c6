"""The signed token that marks a probe: `<id>-<signature>`, only a-z, 2-7 and one hyphen. Pure.

The id stands for (round, provider, seed) without showing them, so that a receiver's filter sees nothing
that differs between providers but 33 random-looking characters. The signature keeps a stray or forged
message from counting as an arrival. There is no underscore in it: some IMAP servers mis-search those.
"""

import base64
import hmac
import json
import re

from probes.errors import ProbeError

TOKEN_LENGTH = 33
_PART_LENGTH = 16  # base32 characters: 80 bits
_LEAST_SECRET_BYTES = 16
_TOKEN = re.compile(r"(?<![a-z0-9])([a-z2-7]{16})-([a-z2-7]{16})(?![a-z0-9])")


def token_id(secret: bytes, *, round_id: str, provider: str, seed: str) -> str:
    """Return the opaque id of this round's probe through this provider to this seed.

    Raises:
        ProbeError: the secret is shorter than 16 bytes.
    """
    return _digest(secret, "id", json.dumps([round_id, provider, seed]))


def make_token(secret: bytes, identity: str) -> str:
    """Return the token that carries this id.

    Raises:
        ProbeError: the secret is shorter than 16 bytes.
    """
    return f"{identity}-{_digest(secret, 'signature', identity)}"


def find_tokens(secret: bytes, text: str) -> frozenset[str]:
    """Return the ids of all tokens in this text that we signed; letter case does not matter.

    Raises:
        ProbeError: the secret is shorter than 16 bytes.
    """
    return frozenset(
        identity
        for identity, signature in _TOKEN.findall(text.lower())
        if hmac.compare_digest(_digest(secret, "signature", identity), signature)
    )


def _digest(secret: bytes, purpose: str, text: str) -> str:
    """Return 80 bits of HMAC-SHA256 (RFC 2104 §5 on truncation) in lower-case base32."""
    if len(secret) < _LEAST_SECRET_BYTES:
        raise ProbeError(
            f"signing a probe needs a secret of at least {_LEAST_SECRET_BYTES} bytes, this one has {len(secret)}; "
            "delete the secret file and let it be made anew"
        )
    mac = hmac.digest(secret, f"relaypilot {purpose}\0{text}".encode(), "sha256")
    return base64.b32encode(mac)[:_PART_LENGTH].decode("ascii").lower()
