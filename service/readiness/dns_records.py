"""DNS as readiness asks it: the texts and aliases of a name, or that it could not be found out."""

from typing import Protocol

from service.errors import RelaypilotError


class DnsFailedError(RelaypilotError):
    """No name server gave an answer in time, or the answer was no answer."""


class DnsRecords(Protocol):
    """Looks names up. An absent name or type is an empty answer, never an error."""

    async def texts(self, name: str) -> tuple[str, ...]:
        """Return the TXT records of a name, the strings of each joined (RFC 7208 §3.3).

        Raises:
            DnsFailedError: it could not be found out.
        """
        ...

    async def aliases(self, name: str) -> tuple[str, ...]:
        """Return what a name is an alias of (CNAME), without the last dot.

        Raises:
            DnsFailedError: it could not be found out.
        """
        ...

    async def exchanges(self, name: str) -> tuple[str, ...]:
        """Return the mail exchanges of a name (MX), without the last dot.

        Raises:
            DnsFailedError: it could not be found out.
        """
        ...


class DnsResolver:
    """Asks the name servers of this machine, or one that is named."""

    def __init__(self, server: tuple[str, int] | None = None, *, lifetime_seconds: float = 5.0) -> None:
        self._server = server
        self._lifetime_seconds = lifetime_seconds

    async def texts(self, name: str) -> tuple[str, ...]:
        """Return the TXT records of a name."""
        found = await self._ask(name, "TXT")
        return tuple(b"".join(record.strings).decode("utf-8", "replace") for record in found)

    async def aliases(self, name: str) -> tuple[str, ...]:
        """Return what a name is an alias of."""
        return tuple(str(record.target).rstrip(".").lower() for record in await self._ask(name, "CNAME"))

    async def exchanges(self, name: str) -> tuple[str, ...]:
        """Return the mail exchanges of a name."""
        return tuple(str(record.exchange).rstrip(".").lower() for record in await self._ask(name, "MX"))

    async def _ask(self, name: str, kind: str) -> list:  # type: ignore[type-arg]  # dnspython's records differ by kind
        # Imported here: the idle daemon should not carry a DNS library (7 MB, measured 2026-11).
        import dns.asyncresolver  # noqa: PLC0415
        import dns.exception  # noqa: PLC0415
        import dns.resolver  # noqa: PLC0415

        try:
            resolver = dns.asyncresolver.Resolver(configure=self._server is None)
            if self._server is not None:
                resolver.nameservers, resolver.port = [self._server[0]], self._server[1]
            return list(await resolver.resolve(name, kind, lifetime=self._lifetime_seconds, search=False))
        except (dns.resolver.NXDOMAIN, dns.resolver.NoAnswer):
            return []
        except dns.exception.Timeout as error:  # its own text repeats every try and server
            raise self._failed(kind, name, f"no answer within {self._lifetime_seconds:g} s") from error
        except (dns.exception.DNSException, OSError, UnicodeError) as error:
            raise self._failed(kind, name, str(error) or type(error).__name__) from error

    def _failed(self, kind: str, name: str, seen: str) -> DnsFailedError:
        where = "this machine's name servers (/etc/resolv.conf)"
        if self._server is not None:
            where = f"the name server {self._server[0]}:{self._server[1]} ([dns] server)"
        return DnsFailedError(f"Looking up {kind} of {name} failed: {seen}; check {where}.")
