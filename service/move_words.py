"""What was done to the route, in one sentence of an event. Pure."""

from service.decision.moves import NO_MOVES, STANDBY_ORDER
from service.decision.route import ANY_RECEIVER
from service.switchover import Move

CONFIGURATION = "configuration"  # rule of a route that is written anew because settings changed


def told(move: Move) -> str:
    """Return that a move was made, and why."""
    mail = "Mail" if move.receiver == ANY_RECEIVER else f"Mail to {move.receiver}"
    if move.rule == STANDBY_ORDER:
        return f"Route reordered: {move.reason}"
    if move.rule == CONFIGURATION:
        return f"Route written anew: {move.reason}"
    if move.rule in NO_MOVES:
        return f"Shares changed: {move.reason}"
    return f"{mail} moved to {move.to}: {move.reason}"
