"""The keys of the simulated accounts: API keys, and what webhooks are signed with."""

import base64
import secrets

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat


def mailgun_keys() -> dict[str, str]:
    """Return fresh keys of a Mailgun account: api_key, sending_key, webhook_signing_key."""
    api, sending = (f"{secrets.token_hex(16)}-{secrets.token_hex(4)}-{secrets.token_hex(4)}" for _ in range(2))
    return {"api_key": api, "sending_key": sending, "webhook_signing_key": f"key-{secrets.token_hex(16)}"}


def sendgrid_keys(api_key: str) -> dict[str, str]:
    """Return the keys of a SendGrid account, whose API key is its SMTP password; its webhook's are fresh."""
    key = ec.generate_private_key(ec.SECP256R1())
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    public = key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return {
        "api_key": api_key,
        "webhook_private_key": private,
        "webhook_public_key": base64.b64encode(public).decode(),
    }
