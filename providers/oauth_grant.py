"""What access tokens are asked for with (RFC 6749). Pure."""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class OAuthGrant:
    """What an access token is asked for with."""

    token_url: str
    client_id: str
    client_secret: str | None = field(default=None, repr=False)
    refresh_token: str | None = field(default=None, repr=False)  # None: client credentials (RFC 6749 §4.4)
    scope: str | None = None
