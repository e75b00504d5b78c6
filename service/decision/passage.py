"""Lets a wanted change through, unless a gate is closed or observe mode has told it already. Pure."""

from datetime import datetime

from service.decision.decision import Decision, Question, Stay, Switchover
from service.decision.gate import Gate
from service.decision.policy import Mode
from service.decision.reason import utc
from service.decision.route import ANY_RECEIVER


def passed(
    move: Switchover, closed: tuple[Gate, ...], question: Question, since: datetime | None, *, alert: bool
) -> Decision:
    """Return the change, or why it is not made. What was told before the fault began, at `since`, is told again."""
    if closed:
        return Stay(
            rule=closed[0].rule,
            reason=_kept(move, closed[0], question),
            blocked_by=tuple(gate.sentence for gate in closed),
            alert=alert,
            receiver=move.receiver,
            evidence=move.evidence,
        )
    told = question.state.context.proposals.get(move.receiver)
    if question.policy.mode is Mode.OBSERVE and told is not None:
        same = told.route.lane(move.receiver) == move.route.lane(move.receiver)
        if same and (since is None or told.at >= since):
            return Stay(
                rule="observe",
                reason=f"Observing only: {_would(move, question, past=True)} at {utc(told.at)}. {move.reason}",
                blocked_by=('mode = "observe": set mode = "enforce" to have moves carried out.',),
                alert=alert,
                receiver=move.receiver,
                evidence=move.evidence,
            )
    return move


def _kept(move: Switchover, gate: Gate, question: Question) -> str:
    """Return why things stay as they are; a mere change of shares is told after that, for it tells what is not yet."""
    if question.lane(move.receiver).active == move.to:
        mail = "mail" if move.receiver == ANY_RECEIVER else f"mail to {move.receiver}"
        return f"{gate.sentence} Until then the order and the shares of {mail} stay as they are."
    return f"{move.reason} {_would(move, question)}, but: {gate.sentence}"


def _would(move: Switchover, question: Question, *, past: bool = False) -> str:
    """Return what the change would do, or would have done."""
    mail = "mail" if move.receiver == ANY_RECEIVER else f"mail to {move.receiver}"
    if question.lane(move.receiver).active == move.to:
        return f"would have changed the order or shares of {mail}"
    return f"would have moved {mail} to {move.to}" if past else f"M{mail[1:]} would move to {move.to}"
