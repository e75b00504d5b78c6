"""What a configuration amounts to: who and what is in it, what probing costs, what is worth a second look. Pure."""

from collections import Counter
from dataclasses import dataclass

from service.config import Config
from service.decision.policy import Mode

_MONTH_SECONDS = 30 * 86400
_DAY_SECONDS = 86400
_MESSAGES_A_DAY = 24  # a seed that gets more than this stops being treated like a person's mailbox


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """A configuration in numbers."""

    mode: str
    providers: tuple[str, ...]
    seeds_per_receiver: dict[str, int]
    messages_per_month: int  # all seeds, all providers
    messages_per_provider_per_month: int
    session_checks_per_provider_per_day: int
    warnings: tuple[str, ...]

    def lines(self) -> tuple[str, ...]:
        """Return the numbers in sentences."""
        seeds = sum(self.seeds_per_receiver.values())
        where = ", ".join(f"{count} at {receiver}" for receiver, count in sorted(self.seeds_per_receiver.items()))
        return (
            f"Mode: {self.mode}.",
            f"Providers, in order of preference: {', '.join(self.providers)}.",
            f"Seeds: {seeds} ({where})." if seeds else "Seeds: none.",
            f"Message rounds: {self.messages_per_month:,} messages a month "
            f"({self.messages_per_provider_per_month:,} through each provider), more under suspicion.",
            f"Session checks: {self.session_checks_per_provider_per_day:,} a day at each provider; no message is sent.",
        )


def summary_of(config: Config) -> Summary:
    """Return what a configuration amounts to."""
    providers = tuple(str(settings.name) for settings in config.provider)
    rounds = _MONTH_SECONDS / config.probes.round_interval.total_seconds()
    per_provider = round(rounds * len(config.seed))
    return Summary(
        mode=config.mode.value,
        providers=providers,
        seeds_per_receiver=dict(Counter(seed.receiver for seed in config.seed)),
        messages_per_month=per_provider * len(providers),
        messages_per_provider_per_month=per_provider,
        session_checks_per_provider_per_day=round(_DAY_SECONDS / config.probes.session_interval.total_seconds()),
        warnings=tuple(_warnings(config)),
    )


def _warnings(config: Config) -> list[str]:
    found = []
    if config.mode is Mode.OBSERVE:
        found.append('mode is "observe": would-be moves stand in the journal, mail is not moved; set mode = "enforce".')
    if len(config.provider) == 1:
        found.append("There is one provider: relaypilot can only alert. Add a second [[provider]].")
    if not config.seed:
        found.append("There is no [[seed]]: spam-foldering and lost mail stay invisible.")
    lonely = [receiver for receiver, count in Counter(seed.receiver for seed in config.seed).items() if count == 1]
    if lonely:
        found.append(f"One seed only at {', '.join(sorted(lonely))}: one broken mailbox blinds it there; add another.")
    daily = _DAY_SECONDS / config.probes.round_interval.total_seconds() * len(config.provider)
    if config.seed and daily > _MESSAGES_A_DAY * len(config.provider):
        found.append(
            f"Each seed gets {daily:,.0f} probes a day; more than {_MESSAGES_A_DAY} rounds a day make a mailbox "
            "look unlike a person's. Lengthen [probes] round_interval."
        )
    return found
