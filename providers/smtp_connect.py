"""From a relay's name to a connected socket: one attempt per address, in the resolver's order."""

import asyncio
import ipaddress
import socket
from dataclasses import dataclass

from providers.base import Clock


class SourceAddressError(OSError):
    """The source address of our configuration cannot be used."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """One address of a relay, as the socket functions want it."""

    family: socket.AddressFamily
    sockaddr: tuple[str, int] | tuple[str, int, int, int]

    @property
    def is_loopback(self) -> bool:
        """Return whether this address stays on this machine."""
        return ipaddress.ip_address(self.sockaddr[0]).is_loopback


def is_loopback_name(host: str) -> bool:
    """Return whether a configured host can only mean this machine."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


async def resolve(host: str, port: int) -> list[Address]:
    """Return the relay's addresses; an address literal asks no resolver.

    Raises:
        OSError: the name was not found, or no resolver answered (`socket.gaierror`).
    """
    try:
        literal = ipaddress.ip_address(host)
    except ValueError:
        loop = asyncio.get_running_loop()
        found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        return [Address(family=row[0], sockaddr=(str(row[4][0]), *row[4][1:])) for row in found]
    return [Address(family=_family(host), sockaddr=(str(literal), port))]


def _family(literal: str) -> socket.AddressFamily:
    is_v4 = ipaddress.ip_address(literal).version == 4  # noqa: PLR2004 (IP version)
    return socket.AF_INET if is_v4 else socket.AF_INET6


async def connect(
    addresses: list[Address], *, clock: Clock, limit_seconds: float, source_address: str | None = None
) -> socket.socket:
    """Return a connected socket to the first address that takes the connection.

    The time is shared out over the addresses that are left, so a dead one cannot use all of it. With a source
    address only those of its own kind, IPv4 or IPv6, are tried.

    Raises:
        SourceAddressError: this machine or the relay has no such address.
        OSError: none did; the last address's error (`TimeoutError` among them).
    """
    deadline = clock.monotonic() + limit_seconds
    last: OSError = OSError("the name has no address")
    if source_address is not None:
        family = _family(source_address)
        addresses = [address for address in addresses if address.family == family]
        if not addresses:
            raise SourceAddressError(f"the relay has no address of the same kind as source_address {source_address}")
    for position, address in enumerate(addresses):
        share = (deadline - clock.monotonic()) / (len(addresses) - position)
        try:
            return await _connect_one(address, share, source_address)
        except SourceAddressError:
            raise
        except OSError as error:
            last = error
    raise last


async def _connect_one(address: Address, limit_seconds: float, source_address: str | None) -> socket.socket:
    connection = socket.socket(address.family, socket.SOCK_STREAM)
    try:
        connection.setblocking(False)
        if source_address is not None:
            _bind(connection, source_address)
        async with asyncio.timeout(max(0.0, limit_seconds)):
            await asyncio.get_running_loop().sock_connect(connection, address.sockaddr)
    except BaseException:
        connection.close()
        raise
    return connection


def _bind(connection: socket.socket, source_address: str) -> None:
    try:
        connection.bind((source_address, 0))
    except OSError as error:
        raise SourceAddressError(f"source_address {source_address} cannot be used: {error.strerror}") from error
