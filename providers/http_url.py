"""The addresses of HTTP APIs: what may be configured, and how a value stands in a path. Pure."""

from urllib.parse import quote, urlsplit

from providers.smtp_connect import is_loopback_name


def check_base_url(url: str) -> str:
    """Return the address without a slash at its end.

    Raises:
        ValueError: not https (http is for this machine only), or with more in it than scheme, host, port and path.
    """
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError as error:
        raise ValueError(f"the address cannot be read ({error}); write it as https://HOST") from error
    if parts.scheme not in ("https", "http") or not host or port == 0 or any(c.isspace() for c in url):
        raise ValueError("the address is not of the form https://HOST; correct it")
    if parts.scheme == "http" and not is_loopback_name(host):
        raise ValueError("a key would be sent in clear; use https:// (http:// is for this machine only)")
    if parts.username or parts.password or parts.query or parts.fragment or "@" in parts.netloc:
        raise ValueError("the address holds a login, a question mark or a hash; write scheme, host and path only")
    return url.rstrip("/")


def segment(value: str) -> str:
    """Return the value as one segment of a path; no slash or dot of it is read as structure (RFC 3986 §3.3)."""
    quoted = quote(value, safe="@", errors="replace")  # JSON from outside may hold halves of characters
    return quoted.replace(".", "%2E") if value.strip(".") == "" else quoted
