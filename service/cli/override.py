"""A person's orders to automation: pause, resume, pin, unpin, drain, undrain, ack. Measuring goes on."""

from pathlib import Path
from typing import Annotated

import typer

from service.cli.actor import actor
from service.cli.client import client_of
from service.cli.options import DEFAULT_CONFIG, ConfigOption, JsonOption, ReasonOption, length_of
from service.cli.page import say, show_json
from service.clock import SystemClock

_ENDING = ("resume", "unpin", "undrain", "ack")
LengthOption = Annotated[
    str | None,
    typer.Option("--for", metavar="DURATION", help='For so long, such as "2h". Absent: [policy] manual_pin.'),
]
ProviderArgument = Annotated[str, typer.Argument(metavar="PROVIDER", help="A configured provider.")]


def pause(
    config: ConfigOption = DEFAULT_CONFIG,
    as_json: JsonOption = False,
    length: LengthOption = None,
    reason: ReasonOption = "",
) -> None:
    """Stop moving mail automatically for a while; measuring goes on and `failover` still works."""
    _order(config, as_json, "pause", length=length, reason=reason)


def resume(config: ConfigOption = DEFAULT_CONFIG, as_json: JsonOption = False, reason: ReasonOption = "") -> None:
    """Move mail automatically again."""
    _order(config, as_json, "resume", reason=reason)


def pin(
    provider: ProviderArgument,
    config: ConfigOption = DEFAULT_CONFIG,
    as_json: JsonOption = False,
    length: LengthOption = None,
    reason: ReasonOption = "",
) -> None:
    """Keep the route as it is, with this provider first, for a while; `failover --to` moves and pins at once."""
    _order(config, as_json, "pin", provider, length=length, reason=reason)


def unpin(config: ConfigOption = DEFAULT_CONFIG, as_json: JsonOption = False, reason: ReasonOption = "") -> None:
    """End the pin."""
    _order(config, as_json, "unpin", reason=reason)


def drain(
    provider: ProviderArgument,
    config: ConfigOption = DEFAULT_CONFIG,
    as_json: JsonOption = False,
    length: LengthOption = None,
    reason: ReasonOption = "",
) -> None:
    """Send no mail to a provider for a while, as long as another one works."""
    _order(config, as_json, "drain", provider, length=length, reason=reason)


def undrain(
    provider: ProviderArgument,
    config: ConfigOption = DEFAULT_CONFIG,
    as_json: JsonOption = False,
    reason: ReasonOption = "",
) -> None:
    """Let a drained provider carry mail again."""
    _order(config, as_json, "undrain", provider, reason=reason)


def ack(
    provider: Annotated[
        str | None, typer.Argument(metavar="[PROVIDER]", help="Whose account fault; absent: the brake and all faults.")
    ] = None,
    config: ConfigOption = DEFAULT_CONFIG,
    as_json: JsonOption = False,
    reason: ReasonOption = "",
) -> None:
    """Acknowledge an account fault, so that the provider may return by itself; without one, release the brake."""
    _order(config, as_json, "ack", provider, reason=reason)


def _order(
    config: Path, as_json: bool, verb: str, provider: str | None = None, *, length: str | None = None, reason: str
) -> None:
    seconds = None if length is None else length_of("--for", length)
    client = client_of(config)
    before = client.get("/v1/status") if verb in _ENDING and not as_json else None
    request = {"verb": verb, "provider": provider, "for_seconds": seconds, "reason": reason, "actor": actor()}
    found = client.post("/v1/overrides", request)
    if as_json:
        show_json(found)
        return
    from service.cli.order_outcome import ended, given
    from service.views import OverrideView, StatusView

    orders = tuple(OverrideView.model_validate(one) for one in found)
    now = SystemClock().now()
    status = None if before is None else StatusView.model_validate(before)
    for line in given(verb, provider, orders, now) if status is None else ended(verb, provider, status, orders, now):
        say(line)
