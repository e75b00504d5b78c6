"""What is wrong with the route as Postfix holds it, in one sentence with the remedy. Pure."""

from service.decision.policy import Mode
from service.postfix.current import Current

_SHOWN = 5


def outdated_sentence(current: Current, mode: Mode, *, tried: bool) -> str | None:
    """Return that Postfix holds what an earlier configuration said, if it does.

    `tried`: whether the present configuration was to be brought into force already.
    """
    names = current.outdated
    if not names:
        return None
    when = "with the next move or reload of relaypilot" if tried else "shortly"
    if mode is Mode.OBSERVE:
        when = 'once mode = "enforce"'
    shown = ", ".join(names[:_SHOWN]) + (f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else "")
    return f"Postfix still has an earlier configuration ({shown}); the present one takes effect {when}."


def problem_of(current: Current) -> str | None:
    """Return what keeps the route from being changed, the most pressing first."""
    if not current.running:
        return "Postfix is stopped: no mail leaves this machine. Start it with `systemctl start postfix`."
    if current.route is None and current.generation == 0:
        now = current.settings.get("relayhost") or "the recipients' own mail servers"
        return (
            f"Postfix sends through {now}; relaypilot has not taken over. Look at `relaypilot plan --to PROVIDER`, "
            "then take over with `relaypilot failover --to PROVIDER`."
        )
    if current.drift:
        return (
            f"Changed by hand: {current.drift[0].sentence} relaypilot moves nothing until that is undone, "
            "or overwritten with `relaypilot failover --to PROVIDER --force`."
        )
    return current.refused
