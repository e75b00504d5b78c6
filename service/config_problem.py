"""Which mistakes a configuration can hold, and how each is reported. One file per rule in tests/invalid_config."""

from enum import StrEnum

from pydantic_core import PydanticCustomError

from service.errors import Problem


class Rule(StrEnum):
    """One kind of mistake."""

    NO_FILE = "no-file"
    NOT_TOML = "not-toml"

    UNKNOWN_KEY = "unknown-key"
    MISSING_KEY = "missing-key"
    WRONG_TYPE = "wrong-type"
    OUT_OF_RANGE = "out-of-range"
    BAD_CHOICE = "bad-choice"
    BAD_VALUE = "bad-value"  # said by a provider kind's own settings
    BAD_NAME = "bad-name"
    BAD_DURATION = "bad-duration"
    ZERO_DURATION = "zero-duration"
    BAD_ADDRESS = "bad-address"
    BAD_HOST_PORT = "bad-host-port"
    BAD_DNS_NAME = "bad-dns-name"
    BAD_STORE_URL = "bad-store-url"
    RELATIVE_PATH = "relative-path"
    LONG_SOCKET_PATH = "long-socket-path"

    LITERAL_SECRET = "literal-secret"  # noqa: S105 - a rule's name
    SECRET_SOURCE = "secret-source"  # noqa: S105
    SECRET_FILE = "secret-file"  # noqa: S105
    SECRET_READABLE = "secret-readable"  # noqa: S105
    SECRET_VARIABLE = "secret-variable"  # noqa: S105
    SECRET_TEXT = "secret-text"  # noqa: S105

    NO_PROVIDER = "no-provider"
    UNKNOWN_KIND = "unknown-kind"
    PROVIDER_TWICE = "provider-twice"
    SEED_TWICE = "seed-twice"
    DOMAIN_TWICE = "domain-twice"
    MIXED_TLS = "mixed-tls"
    PLAIN_TLS = "plain-tls"
    CA_FILE = "ca-file"
    CLIENT_CERTIFICATE = "client-certificate"
    DKIM_INCOMPLETE = "dkim-incomplete"
    DKIM_KEY = "dkim-key"
    LISTEN_WITHOUT_TOKEN = "listen-without-token"  # noqa: S105
    CANARY_SEED = "canary-seed"

    LATE_AFTER_DEADLINE = "late-after-deadline"
    ROUND_WITHIN_DEADLINE = "round-within-deadline"
    STAGE_OVER_TOTAL = "stage-over-total"
    SESSION_WITHIN_STAGE = "session-within-stage"
    POLL_AFTER_DEADLINE = "poll-after-deadline"
    SHORT_EVIDENCE = "short-evidence"
    SHORT_RETENTION = "short-retention"


class Report:
    """Collects the mistakes of one file, in the order they are found."""

    def __init__(self, file: str) -> None:
        self.file = file
        self.problems: list[Problem] = []

    def add(self, rule: Rule, key: str, seen: str, remedy: str, *, name: str | None = None) -> None:
        """Note one mistake; `key` is the path of the key, `name` the entry's own name."""
        self.problems.append(Problem(rule=rule, file=self.file, key=key, name=name, seen=seen, remedy=remedy))


def mistake(rule: Rule, seen: str, remedy: str) -> PydanticCustomError:
    """Return the error that a field's validator raises for a mistake."""
    return PydanticCustomError(rule.value, "{seen}; {remedy}", {"seen": seen, "remedy": remedy})
