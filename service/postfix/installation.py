"""The Postfix instance that relaypilot controls, and the relays that may be written into it."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from math import ceil
from pathlib import Path

from probes.well_known_receivers import WELL_KNOWN
from providers.base import Provider, RelayEndpoint, TlsMode
from providers.text_rules import TextRule
from service.config import Config
from service.postfix.command import DEFAULT_SEARCH_PATH
from service.postfix.errors import InstallationError

_PLAIN_PATH = re.compile(r"/[A-Za-z0-9._/+@-]*")  # what needs no quoting in main.cf, master.cf and a table
_HOST = re.compile(r"[A-Za-z0-9._:-]{1,253}")
_DNS_NAME = re.compile(r"(?=.{1,253}$)[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*\.?")
_CERTIFICATE = re.compile(r"-----BEGIN CERTIFICATE-----[A-Za-z0-9+/=\s]+-----END CERTIFICATE-----")
_SYSTEM_CA_FILES = (
    "/etc/ssl/certs/ca-certificates.crt",  # Debian, Arch, Alpine
    "/etc/pki/tls/certs/ca-bundle.crt",  # Fedora, Red Hat
    "/etc/ssl/ca-bundle.pem",  # SUSE
)
_ADDRESS = re.compile(r"[0-9.]+|.*:.*")


@dataclass(frozen=True, slots=True, kw_only=True)
class Installation:
    """Everything the transaction needs to know about this host."""

    config_dir: Path  # absolute
    helper_dir: Path  # root-owned state of the transaction
    log_file: Path | None
    providers: Mapping[str, RelayEndpoint]  # in order of preference
    authorities: Mapping[str, str] = field(default_factory=dict)  # provider -> PEM text of its own CA file
    size_limits: Mapping[str, int] = field(default_factory=dict)  # provider -> bytes it takes, where known
    reply_rules: Mapping[str, tuple[TextRule, ...]] = field(default_factory=dict)  # provider -> its own wordings
    routing: str = "relayhost"  # or "transport": a lane for each receiver that differs
    receivers: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # receiver -> its recipient domains
    connect_timeout_seconds: float = 3.0
    canary_sender: str | None = None
    canary_recipients: tuple[str, ...] = ()  # tried in this order; none: no canary message, a move stays unverified
    canary_wait_seconds: float = 10.0
    helper_socket: Path = Path("/run/relaypilot-helper/helper.sock")
    helper_user: str = "relaypilot"
    service_prefix: str = "relay-"
    system_ca_file: str = _SYSTEM_CA_FILES[0]
    search_path: str = DEFAULT_SEARCH_PATH

    @property
    def owned_dir(self) -> Path:
        """Return the directory of the files that relaypilot owns."""
        return self.config_dir / "relaypilot"

    def syslog_name(self, provider: str) -> str:
        """Return the name under which a provider's service logs (postconf(5) syslog_name)."""
        return f"postfix/{self.service_prefix}{provider}"

    @property
    def main_cf(self) -> Path:
        """Return the path of main.cf."""
        return self.config_dir / "main.cf"

    @property
    def master_cf(self) -> Path:
        """Return the path of master.cf."""
        return self.config_dir / "master.cf"

    @property
    def connect_timeout(self) -> str:
        """Return the connect time-out in whole seconds, as Postfix counts (postconf(5))."""
        return f"{max(1, ceil(self.connect_timeout_seconds))}s"


def installation_of(config: Config, providers: Mapping[str, Provider]) -> Installation:
    """Return the installation that a loaded configuration describes.

    Raises:
        InstallationError: a provider cannot be written into Postfix, or its CA file cannot be read.
    """
    endpoints = {name: provider.relay_endpoint() for name, provider in providers.items()}
    postfix = config.postfix
    seeds = {seed.name: seed.address for seed in config.seed}
    if postfix.canary_to is not None and postfix.canary_to not in seeds:
        raise InstallationError(
            f'[postfix] canary_to = "{postfix.canary_to}" names no seed; name one of {list(seeds)}.'
        )
    installation = Installation(
        config_dir=postfix.config_dir,
        helper_dir=postfix.helper_dir,
        log_file=postfix.log_file,
        providers=endpoints,
        authorities={name: _read_ca(name, at.ca_file) for name, at in endpoints.items() if at.ca_file},
        size_limits={
            name: limit for name, provider in providers.items() if (limit := provider.capabilities.max_message_bytes)
        },
        reply_rules={name: tuple(provider.reply_rules) for name, provider in providers.items()},
        routing=config.routing,
        receivers=_receivers(config.receivers),
        connect_timeout_seconds=postfix.connect_timeout.total_seconds(),
        canary_sender=config.probes.sender,
        canary_recipients=_in_order(seeds, postfix.canary_to),
        canary_wait_seconds=postfix.canary_wait.total_seconds(),
        helper_socket=postfix.helper_socket,
        helper_user=postfix.helper_user,
        system_ca_file=_system_ca_file(),
    )
    check_installation(installation)
    return installation


def _in_order(seeds: Mapping[str, str], first: str | None) -> tuple[str, ...]:
    """Return the seeds' addresses, each once, that of the named seed first."""
    named = [seeds[first]] if first else []
    return tuple(dict.fromkeys([*named, *seeds.values()]))


def _receivers(configured: Mapping[str, tuple[str, ...]]) -> dict[str, tuple[str, ...]]:
    """Return the recipient domains of each receiver: the well-known ones, and over them the configured ones."""
    plain = {name: tuple(dict.fromkeys(d.lower().rstrip(".") for d in ds)) for name, ds in configured.items()}
    claimed = {domain for domains in plain.values() for domain in domains}
    return {name: tuple(d for d in domains if d not in claimed) for name, domains in WELL_KNOWN.items()} | plain


def _read_ca(name: str, ca_file: str) -> str:
    try:
        text = Path(ca_file).read_text(encoding="utf-8", errors="replace")
    except OSError as error:
        raise InstallationError(
            f'Reading the CA file {ca_file} of provider "{name}" failed: {error.strerror}; give a readable PEM file.'
        ) from error
    certificates = _CERTIFICATE.findall(text)  # never a private key that shares the file: the copy is public
    if not certificates:
        raise InstallationError(f'The CA file {ca_file} of provider "{name}" holds no certificate; give a PEM file.')
    return "\n".join(certificates) + "\n"


def _system_ca_file() -> str:
    return next((path for path in _SYSTEM_CA_FILES if Path(path).exists()), _SYSTEM_CA_FILES[0])


def check_installation(installation: Installation) -> None:
    """Refuse what Postfix could not tell apart or would misread.

    Raises:
        InstallationError: with what is wrong and what to write instead.
    """
    for path in (installation.config_dir, installation.helper_dir):
        if not _PLAIN_PATH.fullmatch(str(path)):
            raise InstallationError(
                f'The directory "{path}" must be absolute and hold no blanks or special characters.'
            )
    for receiver, domains in installation.receivers.items():
        strange = next((domain for domain in domains if not _DNS_NAME.fullmatch(domain)), None)
        if strange is not None:
            raise InstallationError(
                f'[receivers] {receiver}: "{strange[:60]}" is no domain that Postfix\'s tables can hold; write it '
                "as in an address, international ones in their xn-- form."
            )
    owner: dict[str, str] = {}
    for name, endpoint in installation.providers.items():
        _check_endpoint(name, endpoint)
        other = owner.setdefault(endpoint.nexthop.lower(), name)
        if other != name:
            raise InstallationError(
                f'Providers "{other}" and "{name}" are both {endpoint.nexthop}, and Postfix chooses the login by host '
                "and port; give one of them another port of that relay (2525, say)."
            )


def _check_endpoint(name: str, endpoint: RelayEndpoint) -> None:
    if not _HOST.fullmatch(endpoint.host):
        raise InstallationError(f'Provider "{name}": "{endpoint.host}" is no host name; write the relay\'s name alone.')
    if endpoint.tls is not TlsMode.NONE and (
        not _DNS_NAME.fullmatch(endpoint.server_name) or _ADDRESS.fullmatch(endpoint.server_name)
    ):
        raise InstallationError(
            f'Provider "{name}": Postfix verifies names in certificates, not addresses such as '
            f'"{endpoint.server_name}"; set server_name to the name in the certificate.'
        )
    for file in (endpoint.client_certificate_file, endpoint.client_key_file):
        if file is not None and not _PLAIN_PATH.fullmatch(file):
            raise InstallationError(
                f'Provider "{name}": the path "{file[:100]}" must be absolute and hold no blanks or special characters.'
            )
    for what, secret in (("username", endpoint.username), ("password", endpoint.password)):
        if secret is not None and (not secret.isprintable() or secret != secret.strip() or not secret):
            raise InstallationError(
                f'Provider "{name}": the {what} is empty, begins or ends with a blank, or holds a line end or another '
                "control character, which Postfix's password table cannot hold; look for a stray line end in its file."
            )
    if endpoint.username is not None and ":" in endpoint.username:
        raise InstallationError(f'Provider "{name}": Postfix\'s password table cannot hold a username with a colon.')
    if (endpoint.username is None) != (endpoint.password is None):
        raise InstallationError(
            f'Provider "{name}": username and password go together; give both or neither. A login by XOAUTH2 has no '
            "password, and Postfix cannot do it without a plugin."
        )
