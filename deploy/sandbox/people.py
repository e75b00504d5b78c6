"""Who lives in the sandbox: mailbox providers (receivers), seed inboxes, live users, senders."""

from dataclasses import dataclass

SENDING_DOMAIN = "example.test"
LIVE_SENDER = f"news@{SENDING_DOMAIN}"
PROBE_SENDER = f"probe@{SENDING_DOMAIN}"
LIVE_USERS_PER_RECEIVER = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Receiver:
    """One mailbox provider: the domain it takes mail for and where it puts spam."""

    name: str
    domain: str
    junk: str | None  # folder name as IMAP shows it; none means no spam folder
    junk_attribute: str | None = None  # SPECIAL-USE (RFC 6154), when the real one sends it

    @property
    def exchange(self) -> str:
        """Return the name of its mail exchanger, also its authserv-id (RFC 8601 §2.5)."""
        return f"mx.{self.domain}"


# Gmail's spam folder has a localised name and the attribute; Exchange sends no attribute at all; Yahoo's
# "Bulk" is seen with and without one.
RECEIVERS = {
    r.name: r
    for r in (
        Receiver(name="gmail", domain="gmail.test", junk="[Gmail]/Correo no deseado", junk_attribute="\\Junk"),
        Receiver(name="microsoft", domain="microsoft.test", junk="Junk Email"),
        Receiver(name="yahoo", domain="yahoo.test", junk="Bulk"),
        Receiver(name="other", domain=SENDING_DOMAIN, junk=None),
    )
}
SEED_RECEIVERS = ("gmail", "microsoft", "yahoo")


@dataclass(frozen=True, slots=True, kw_only=True)
class Seed:
    """One seed inbox."""

    name: str
    receiver: str

    @property
    def address(self) -> str:
        """Return its mail address, which is also its IMAP login."""
        return f"seed-{self.name.rpartition('-')[2]}@{RECEIVERS[self.receiver].domain}"


SEEDS = {
    s.name: s for s in (Seed(name=f"{receiver}-{n}", receiver=receiver) for receiver in SEED_RECEIVERS for n in (1, 2))
}


def live_users() -> tuple[str, ...]:
    """Return the addresses that live mail goes to, receivers taking turns."""
    return tuple(
        f"user-{n}@{RECEIVERS[receiver].domain}"
        for n in range(1, LIVE_USERS_PER_RECEIVER + 1)
        for receiver in SEED_RECEIVERS
    )


def receiver_of(address: str) -> Receiver:
    """Return the mailbox provider that takes mail for `address`; "other" for unknown domains."""
    domain = address.rpartition("@")[2].lower()
    return next((r for r in RECEIVERS.values() if r.domain == domain), RECEIVERS["other"])
