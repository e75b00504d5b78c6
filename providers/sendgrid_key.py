"""The public key of SendGrid's signed webhook as an administrator copies it: checked without a crypto library. Pure."""

import base64
import binascii

# SubjectPublicKeyInfo of an uncompressed point on P-256 (RFC 5480 §2): a fixed head, then x and y
_HEAD = bytes.fromhex("3059301306072a8648ce3d020106082a8648ce3d03010703420004")
_COORDINATE_BYTES = 32
# SP 800-186 §3.2.1.3
_P = 2**256 - 2**224 + 2**192 + 2**96 - 1
_B = 0x5AC635D8AA3A93E7B3EBBD55769886BC651D06B0CC53B0F63BCE3C3E27D2604B


def plain_public_key(text: str) -> str:
    """Return the key as base64 in one line; PEM armour and line ends are taken off.

    Raises:
        ValueError: it is no P-256 public key.
    """
    joined = "".join(line.strip() for line in text.splitlines() if not line.startswith("-----"))
    try:
        der = base64.b64decode(joined, validate=True)
    except binascii.Error as error:
        raise ValueError("the key is not base64; copy the verification key again from SendGrid, whole") from error
    if not der.startswith(_HEAD) or len(der) != len(_HEAD) + 2 * _COORDINATE_BYTES:
        raise ValueError("the key is no P-256 public key; copy the verification key again from SendGrid, whole")
    point = der[len(_HEAD) :]
    x, y = (int.from_bytes(part) for part in (point[:_COORDINATE_BYTES], point[_COORDINATE_BYTES:]))
    if (y * y - (x * x * x - 3 * x + _B)) % _P:
        raise ValueError("the key is damaged; copy the verification key again from SendGrid, whole")
    return joined
