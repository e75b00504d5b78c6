"""What can go wrong while probing, as one tree.

    ProbeError
    ├── FactFormatError      a line of an observation file is not a fact; also a ValueError
    ├── ProbeMessageError    a probe cannot be built from these settings; also a ValueError
    └── SeedError            a seed mailbox could not be opened or searched: says nothing about a provider
        └── SeedLoginError   its server refused the login

What a relay did is never raised: it is an `Observation`.
"""


class ProbeError(Exception):
    """Base of everything this package raises on purpose."""


class FactFormatError(ProbeError, ValueError):
    """A line of an observation file is not a fact; the message names line and field."""


class ProbeMessageError(ProbeError, ValueError):
    """A probe cannot be built from these settings."""


class SeedError(ProbeError):
    """A seed mailbox could not be opened or searched."""


class SeedLoginError(SeedError):
    """A seed's IMAP server refused the login."""
