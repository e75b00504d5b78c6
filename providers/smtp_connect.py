"""From a relay's name to a connected socket: one attempt per address, in the resolver's order."""

import asyncio
import ipaddress
import socket
from dataclasses import dataclass

from providers.base import Clock


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
    family = socket.AF_INET if literal.version == 4 else socket.AF_INET6  # noqa: PLR2004 (IP version)
    return [Address(family=family, sockaddr=(host, port))]


async def connect(addresses: list[Address], *, clock: Clock, limit_seconds: float) -> socket.socket:
    """Return a connected socket to the first address that takes the connection.

    The time is shared out over the addresses that are left, so a dead one cannot use all of it.

    Raises:
        OSError: none did; the last address's error (`TimeoutError` among them).
    """
    deadline = clock.monotonic() + limit_seconds
    last: OSError = OSError("the name has no address")
    for position, address in enumerate(addresses):
        share = (deadline - clock.monotonic()) / (len(addresses) - position)
        try:
            return await _connect_one(address, share)
        except OSError as error:
            last = error
    raise last


async def _connect_one(address: Address, limit_seconds: float) -> socket.socket:
    connection = socket.socket(address.family, socket.SOCK_STREAM)
    try:
        connection.setblocking(False)
        async with asyncio.timeout(max(0.0, limit_seconds)):
            await asyncio.get_running_loop().sock_connect(connection, address.sockaddr)
    except BaseException:
        connection.close()
        raise
    return connection
