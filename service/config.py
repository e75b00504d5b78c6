"""What the administrator writes in relaypilot.toml, as strict models; every field carries its description."""

import re
from datetime import timedelta
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr

from service.config_problem import Rule, mistake
from service.config_text import (
    AbsolutePath,
    Address,
    Duration,
    HostPort,
    Name,
    PositiveDuration,
    SocketPath,
    split_host_port,
)
from service.decision.policy import Failback, Mode

_DNS_NAME = re.compile(r"(?!.{254})[A-Za-z0-9_](?:[A-Za-z0-9_.-]*[A-Za-z0-9])?")
LONGEST_CANARY_WAIT = timedelta(seconds=60)  # the root helper serves nobody else meanwhile


def _store_url(value: str) -> str:
    if not value.startswith("sqlite:////"):
        remedy = 'the store is a SQLite file: write "sqlite:////absolute/path.db"'
        raise mistake(Rule.BAD_STORE_URL, "not the URL of a SQLite file with its whole path", remedy)
    return value


def _dns_name(value: str) -> str:
    if not _DNS_NAME.fullmatch(value):
        raise mistake(Rule.BAD_DNS_NAME, f'"{value}" is no DNS name', "write letters, digits, hyphens and dots")
    return value


def _canary_wait(value: timedelta) -> timedelta:
    if value > LONGEST_CANARY_WAIT:
        seen, limit = f"{value.total_seconds():g}s", f"{LONGEST_CANARY_WAIT.total_seconds():g}s"
        raise mistake(Rule.OUT_OF_RANGE, seen, f"at most {limit} is needed")
    return value


def _steps(value: tuple[int, ...]) -> tuple[int, ...]:
    if any(later <= earlier for earlier, later in pairwise(value)):
        raise ValueError("the steps do not grow; write them in rising order, such as [10, 50, 100]")
    return value


def _steps_to_all(value: tuple[int, ...]) -> tuple[int, ...]:
    if value[-1] != 100:  # noqa: PLR2004 - percent
        raise ValueError("the last step is not 100, so the provider would never have all mail back; end with 100")
    return _steps(value)


Percent = Annotated[int, Field(ge=1, le=100, strict=True)]


class Table(BaseModel):
    """A TOML table: unknown keys are errors, values do not change after loading."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class ApiTable(Table):
    """[api]: where the daemon listens."""

    socket: SocketPath = Field(
        Path("/run/relaypilot/api.sock"), description="Unix socket of the API, used by the command line."
    )
    group: str | None = Field(
        None,
        examples=["relaypilot-operators"],
        description="Group whose members may use the socket; the daemon's user must be one. Absent: the daemon's own.",
    )
    listen: HostPort | None = Field(
        None, examples=["127.0.0.1:8520"], description='TCP address and port, "127.0.0.1:8520". Absent: no TCP.'
    )
    token: SecretStr | None = Field(
        None,
        examples=[{"file": "secrets/api.token"}],
        description="Bearer token that TCP clients must send; needed with listen.",
    )


class PostfixTable(Table):
    """[postfix]: the instance whose route relaypilot controls."""

    config_dir: AbsolutePath = Field(
        Path("/etc/postfix"), description="Configuration directory of the Postfix instance (absolute)."
    )
    log_file: AbsolutePath | None = Field(
        Path("/var/log/mail.log"), description="Postfix's log file: live mail and the canary are read there."
    )
    helper_socket: SocketPath = Field(
        Path("/run/relaypilot-helper/helper.sock"), description="Socket of the root helper."
    )
    helper_dir: AbsolutePath = Field(
        Path("/var/lib/relaypilot-helper"), description="Root-owned state of the apply transaction."
    )
    helper_user: str = Field("relaypilot", description="The one user beside root whose requests the helper takes.")
    connect_timeout: PositiveDuration = Field(
        timedelta(seconds=3), description="smtp_connect_timeout of the providers' services."
    )
    canary_to: str | None = Field(
        None,
        examples=["gmail-1"],
        description="Seed whose inbox receives the canary message after a move. Absent: the first seed.",
    )
    canary_wait: Annotated[PositiveDuration, AfterValidator(_canary_wait)] = Field(
        timedelta(seconds=10),
        description="How long to watch the log for the canary's delivery; at most 60s.",
    )


class ProbesTable(Table):
    """[probes]: how providers are measured."""

    sender: Address = Field(
        examples=["probe@example.org"],
        description="Envelope sender and From of probes; use an address of your real sending domain.",
    )
    dkim_selector: Annotated[str, AfterValidator(_dns_name)] | None = Field(
        None,
        examples=["mail2026"],
        description="Selector of the DKIM key that probes are signed with, as live mail is. Absent: probes go unsigned "
        "and are marked so.",
    )
    dkim_domain: Annotated[str, AfterValidator(_dns_name)] | None = Field(
        None, examples=["example.org"], description="Domain that signs. Absent: that of sender."
    )
    dkim_key: SecretStr | None = Field(
        None,
        examples=[{"file": "secrets/dkim.key"}],
        json_schema_extra={"lines": True},
        description="Private key of that selector: RSA or Ed25519 in PEM, or Ed25519 in base64; needed with "
        "dkim_selector.",
    )
    session_interval: PositiveDuration = Field(
        timedelta(seconds=60), description="Time between session checks (no message is sent)."
    )
    round_interval: PositiveDuration = Field(
        timedelta(hours=1), description="Time between message rounds to the seeds."
    )
    jitter: float = Field(
        0.1, ge=0, le=0.5, description="Share of the interval by which each start is moved at random."
    )
    stage_timeout: PositiveDuration = Field(timedelta(seconds=10), description="Longest wait for one reply of a relay.")
    total_timeout: PositiveDuration = Field(timedelta(seconds=60), description="Longest duration of one submission.")
    late_after: PositiveDuration = Field(
        timedelta(minutes=5), description="A probe that arrives later than this is late."
    )
    deadline: PositiveDuration = Field(timedelta(minutes=15), description="A probe not found by then is missing.")
    poll_intervals: tuple[PositiveDuration, ...] = Field(
        tuple(timedelta(seconds=s) for s in (2, 5, 10, 20, 40, 60, 120)),
        min_length=1,
        description="Waits between looks into a seed mailbox; the last one repeats until the deadline.",
    )
    imap_timeout: PositiveDuration = Field(
        timedelta(seconds=20), description="Longest wait for one answer of a seed's IMAP server."
    )
    keep: Duration = Field(
        timedelta(days=7), description="Probes of ours older than this are deleted from the seed mailboxes."
    )
    control_host: HostPort | None = Field(
        None,
        examples=["www.example.org:443"],
        description='"host:port" that answers when our own network works. Absent: the seeds\' IMAP servers.',
    )


class DnsTable(Table):
    """[dns]: where readiness looks names up."""

    server: HostPort | None = Field(
        None, examples=["192.0.2.53:53"], description='Name server, "address:port". Absent: those of this machine.'
    )

    def address(self) -> tuple[str, int] | None:
        """Return address and port of the named server."""
        return split_host_port(self.server) if self.server else None


class PolicyTable(Table):
    """[policy]: when mail moves."""

    false_moves_per_year: float = Field(
        1.0, gt=0, le=52, description="How many moves a year without a real fault are tolerated."
    )
    tolerated_outage: Duration = Field(
        timedelta(seconds=60), description="Faults shorter than this are no reason to move."
    )
    confirmations: int = Field(
        2,
        ge=1,
        le=10,
        description="Further failures in a row that confirm a hard fault, at least: after short outages it takes more.",
    )
    confirmation_spacing: Duration = Field(timedelta(seconds=2), description="Time between confirmations, at least.")
    evidence_lifetime: PositiveDuration = Field(
        timedelta(hours=24), description="Evidence older than this no longer counts."
    )
    hold_down: Duration = Field(
        timedelta(minutes=15), description="After an automatic move, no further one between working providers."
    )
    failback: Failback = Field(
        Failback.EARNED, description='"earned": the preferred provider returns on good evidence; "off": by hand only.'
    )
    failback_rounds: int = Field(
        6,
        ge=1,
        le=1000,
        description="Good results in a row that earn a failback, at least. Failures that came now and then are over "
        "once the evidence for that suffices: it may take more, and one bad result does not begin it anew.",
    )
    moves_per_hour: int = Field(
        6, ge=1, le=60, description="More automatic moves than this in an hour stop automation until acknowledged."
    )
    manual_pin: Duration = Field(
        timedelta(hours=1), description="How long failover --to pins the route when --for is not given."
    )
    shares: bool = Field(
        True,
        description="Whether part of the mail may try another provider first: on the way back, to stay warm, beyond a "
        "cap. Needs a Postfix with pipemap, randmap and unionmap; without them nothing is shared.",
    )
    failback_shares: Annotated[tuple[Percent, ...], Field(min_length=1), AfterValidator(_steps_to_all)] = Field(
        (10, 50, 100), description="Percent of the mail that a returning provider gets, step by step; the last is 100."
    )
    ramp_shares: Annotated[tuple[Percent, ...], AfterValidator(_steps)] = Field(
        (),
        description="Percent of the mail that a provider carries after an automatic move to it, step by step, while "
        "others work, such as [25, 50]; then all. Empty: all at once.",
    )
    share_step: PositiveDuration = Field(
        timedelta(minutes=10), description="Least time between two steps, or any two changes of the shares."
    )
    least_affected: float = Field(
        0.05, ge=0, lt=1, description="A fault that touches less than this part of the mail moves nothing."
    )


class StoreTable(Table):
    """[store]: what is kept and for how long."""

    url: Annotated[str, AfterValidator(_store_url)] | None = Field(
        None,
        examples=["sqlite:////var/lib/relaypilot/relaypilot.sqlite"],
        description="SQLAlchemy URL. Absent: SQLite in state_dir.",
    )
    keep_observations: PositiveDuration = Field(timedelta(days=90), description="How long observations are kept.")


class SeedTable(Table):
    """[[seed]]: one seed inbox."""

    name: Name = Field(examples=["gmail-1"], description="Your name for this seed.")
    receiver: Name = Field(
        examples=["gmail"], description="The mailbox provider that hosts it: gmail, microsoft, yahoo, …"
    )
    address: Address = Field(examples=["seed.one@example.com"], description="Its mail address.")
    host: str = Field(examples=["imap.example.com"], description="IMAP server.")
    port: int = Field(993, ge=1, le=65535, description="IMAP port.")
    tls: Literal["implicit", "starttls", "none"] = Field(
        "implicit", description='"none" is accepted for loopback only.'
    )
    server_name: str | None = Field(
        None, examples=["imap.example.com"], description="Name that the certificate must carry. Absent: host."
    )
    ca_file: AbsolutePath | None = Field(
        None,
        examples=["/etc/relaypilot/imap-ca.pem"],
        description="PEM file of the authority that signed the certificate. Absent: the system's.",
    )
    username: str | None = Field(None, examples=["seed.one"], description="IMAP login. Absent: address.")
    password: SecretStr = Field(
        examples=[{"file": "secrets/gmail-1.password"}],
        description="IMAP password or app password, from a file or the environment.",
    )
    junk: str | None = Field(
        None,
        examples=["Spamverdacht"],
        description="Name of the spam folder when it cannot be found by attribute or usual name.",
    )


class Config(Table):
    """The whole file."""

    mode: Mode = Field(
        Mode.OBSERVE, description='"observe": judge and journal, change nothing; "enforce": also move mail.'
    )
    routing: Literal["relayhost", "transport"] = Field(
        "relayhost",
        description='How the route is written into Postfix: "relayhost", one route for all mail; "transport", also '
        "one for each receiver that differs, and relayhost stays yours.",
    )
    state_dir: AbsolutePath = Field(Path("/var/lib/relaypilot"), description="Where the daemon keeps its store.")
    api: ApiTable = Field(ApiTable(), description="Where the daemon listens.")
    postfix: PostfixTable = Field(PostfixTable(), description="The Postfix instance.")
    probes: ProbesTable = Field(description="How providers are measured.")
    dns: DnsTable = Field(DnsTable(), description="Where names are looked up by `relaypilot check`.")
    policy: PolicyTable = Field(PolicyTable(), description="When mail moves.")
    store: StoreTable = Field(StoreTable(), description="What is kept.")
    receivers: dict[Name, tuple[str, ...]] = Field(
        {}, examples=[{"gmail": ["gmail.com", "googlemail.com"]}], description="Recipient domains of each receiver."
    )
    provider: tuple[Any, ...] = Field(
        description="[[provider]]: the relays, in order of preference; keys depend on kind."
    )
    seed: tuple[SeedTable, ...] = Field((), description="[[seed]]: the seed inboxes.")
