"""The errors of this package.

ProviderError
├── UnknownKindError      no adapter has that name
├── DuplicateKindError    two distributions bring an adapter of that name
├── BrokenAdapterError    what an entry point names is no adapter
├── DkimKeyError          what should sign is no key
├── NotSupportedError     this provider cannot do that, or lacks the credential for it
├── CallError             the provider or the network failed a call that is no hand-over
├── WebhookRejectedError  a request to our webhook is not the provider's, or not to be used
└── SessionError          inside one hand-over only; never leaves an adapter
    ├── RefusedError      the relay answered no
    └── ForbiddenError    our own rules forbid to go on (no STARTTLS offered, message too large)
"""

from providers.failure import Failure
from providers.reply import Reply


class ProviderError(Exception):
    """Something about providers is wrong on our side."""


class UnknownKindError(ProviderError):
    """No adapter has that name."""


class DuplicateKindError(ProviderError):
    """Two distributions bring an adapter of the same name."""


class BrokenAdapterError(ProviderError):
    """What an entry point names cannot be imported or does not keep the `Provider` protocol."""


class DkimKeyError(ProviderError):
    """What should sign is no key; the message never holds it."""


class NotSupportedError(ProviderError):
    """A provider cannot do what was asked, or lacks the credential for it; `capabilities` says so beforehand."""


class CallError(ProviderError):
    """The provider or the network failed a call that is no hand-over."""

    def __init__(self, text: str, failure: Failure) -> None:
        super().__init__(text)
        self.failure = failure


class WebhookRejectedError(ProviderError):
    """A request to our webhook is not the provider's, or not to be used. The sender is told nothing but that."""


class SessionError(ProviderError):
    """A session with a relay cannot go on."""


class RefusedError(SessionError):
    """The relay answered something else than what the stage needs."""

    def __init__(self, reply: Reply) -> None:
        super().__init__(f"{reply.code} {reply.text}")
        self.reply = reply


class ForbiddenError(SessionError):
    """Our own rules forbid to go on; the failure says which."""

    def __init__(self, failure: Failure, text: str) -> None:
        super().__init__(text)
        self.failure = failure
