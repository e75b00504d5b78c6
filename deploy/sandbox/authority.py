"""The sandbox's own certificate authority, and the certificates of its servers."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import trustme

EXPIRED = "expired"  # suffix of the certificates that ended yesterday


def write_certificates(
    directory: Path,
    names: Iterable[str],
    *,
    now: datetime | None = None,
    also: Mapping[str, Sequence[str]] | None = None,
) -> Path:
    """Write NAME.pem (key and chain) and NAME.expired.pem for each name; return the authority's PEM file.

    `also` has more names and addresses that the certificate of a name is good for.
    """
    directory.mkdir(mode=0o755, exist_ok=True)
    yesterday = (now or datetime.now(UTC)) - timedelta(days=1)
    authority = trustme.CA(organization_name="relaypilot sandbox")
    ca_file = directory / "ca.pem"
    authority.cert_pem.write_to_path(str(ca_file))
    for name in names:
        identities = (name, *(also or {}).get(name, ()))
        good = authority.issue_cert(*identities)
        expired = authority.issue_cert(*identities, not_after=yesterday, not_before=yesterday - timedelta(days=90))
        for path, certificate in ((f"{name}.pem", good), (f"{name}.{EXPIRED}.pem", expired)):
            target = directory / path
            target.touch(mode=0o600)
            certificate.private_key_and_cert_chain_pem.write_to_path(str(target))
    return ca_file
