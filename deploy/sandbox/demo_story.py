"""The demo's story: what is done to the world, what has to follow, and how long that may take."""

import time
from collections.abc import Callable

from deploy.sandbox.demo_show import FAILED, Show
from deploy.sandbox.demo_summary import Move
from deploy.sandbox.demo_watch import Turn, Watch
from deploy.sandbox.errors import NotRunningError, NotStartedError
from deploy.sandbox.processes import Process
from deploy.sandbox.world import World

SESSION_SECONDS = 2.0
ROUND_SECONDS = 7.0
REFUSAL_LIMIT_SECONDS = 15.0  # from the first failed check, for a provider that refuses
SPAM_LIMIT_SECONDS = 3 * ROUND_SECONDS  # three paired rounds, from the first bad probe
RETURN_LIMIT_SECONDS = 60.0  # from healing
_UNNOTICED_SECONDS = 15.0  # how much longer to wait for what must be noticed first
_MEASURED_SECONDS = 60.0


class Story:
    """Plays the chapters one after the other; `moves` holds what was measured."""

    def __init__(
        self,
        world: World,
        watch: Watch,
        show: Show,
        daemon: Process,
        *,
        first: str,
        calm_seconds: float,
        deadline: float,
    ) -> None:
        self.moves: list[Move] = []
        self._world = world
        self._watch = watch
        self._show = show
        self._daemon = daemon
        self._first = first
        self._calm_seconds = calm_seconds
        self._deadline = deadline  # on the monotonic clock: from here on nothing is waited for
        self._expected: list[Turn] = []
        self._spam_periods: list[tuple[str, float, float]] = []  # provider, from, until

    def play(self) -> None:
        """Play all chapters.

        Raises:
            NotStartedError: relaypilot did not measure, or could not take over the route.
            NotRunningError: the daemon ended.
        """
        self._before()
        self._take_over()
        if self._spam():
            self._earn_back()
        else:
            self._heal(self._first)
        self._suspend()
        self._shut_down()

    def taken_for_spam(self) -> int:
        """Return how many live messages a provider took while it foldered everything."""
        return sum(self._watch.taken(*period) for period in self._spam_periods)

    def surprises(self) -> list[str]:
        """Return a sentence for each move that nobody asked for."""
        return [
            f"Mail moved from {turn.left} to {turn.to} at {_utc(turn.at)} UTC, which was not in the script."
            for turn in self._watch.turns
            if turn not in self._expected
        ]

    def _before(self) -> None:
        self._show.open(
            "before",
            f"Postfix relays 5 messages a second through {self._first} alone, as an administrator has set it up. "
            "relaypilot only watches: it logs in to every provider each "
            f"{SESSION_SECONDS:g} s, and sends the same probe through all three to six seed inboxes each "
            f"{ROUND_SECONDS:g} s.",
        )
        if not self._wait(lambda: self._watch.sight.measured, _MEASURED_SECONDS):
            raise NotStartedError(
                f"relaypilot has not measured every provider within {_MEASURED_SECONDS:g} s; see {self._daemon.log}."
            )
        self._calm()
        self._show.close("", "Every provider is measured, at every receiver.")

    def _take_over(self) -> None:
        command = ("failover", "--to", self._first, "--for", "0s")
        self._show.open(
            "takeover",
            f"relaypilot takes over the route:  relaypilot {' '.join(command)}\n"
            "The route now names all three in order: what one refuses, Postfix hands to the next at once.",
        )
        done = self._world.command(*command)
        if done.returncode:
            raise NotStartedError(f"relaypilot could not take over the route: {(done.stderr or done.stdout).strip()}")
        if not self._wait(lambda: len(self._watch.sight.route) > 1, REFUSAL_LIMIT_SECONDS):
            raise NotStartedError("relaypilot says that it took over the route, but Postfix's relayhost is as before.")
        self._show.close("", f"Postfix's relayhost now names {', then '.join(self._watch.sight.route)}.")
        self._calm()

    def _spam(self) -> bool:
        name = self._active()
        moved = self._fault(
            "spam",
            f"{name} now delivers everything to the spam folder. SMTP looks perfect, so no health check can see it; "
            "only the seed inboxes show where the mail ends.",
            SPAM_LIMIT_SECONDS,
            lambda move: (
                f"What {name} had taken by then is in spam folders: "
                f"{self._watch.taken(name, move.caused_at, time.time())} messages."
            ),
        )
        self._calm()
        return moved

    def _earn_back(self) -> None:
        left, first = self._active(), self._first
        healed_at = self._heal(first)
        self._show.open(
            "return",
            f"{first} is healed, and it is the preferred one. It gets the mail back only when its probes have reached "
            "the inboxes again, round after round, and the hold-down is over.",
        )
        turn = self._await_turn(healed_at, left, RETURN_LIMIT_SECONDS)
        back = turn if turn and turn.to == first else None
        move = Move(
            cause="return",
            left=left,
            caused_at=healed_at,
            moved_at=back.at if back else None,
            to=first,
            limit_seconds=RETURN_LIMIT_SECONDS,
        )
        self._finish(move, back, f"{first} has earned its return.")
        self._calm()

    def _heal(self, name: str) -> float:
        """End the spam fault and return when."""
        self._world.heal(name)
        healed_at = time.time()
        self._watch.say("fault", f"{name}: healed")
        self._spam_periods.append((name, self.moves[-1].caused_at, healed_at))
        return healed_at

    def _suspend(self) -> None:
        name = self._active()
        self._fault(
            "suspended",
            f"{name} suspends the account: 550 to every message. A bare Postfix would return all of them to their "
            "senders; here each goes to the next provider at once, and the route follows.",
            REFUSAL_LIMIT_SECONDS,
            lambda move: (
                f"{self._elsewhere(name, move)} {name} has left the list, and stays out until a person acknowledges."
            ),
        )
        self._calm()

    def _shut_down(self) -> None:
        name = self._active()
        self._fault(
            "down",
            f"{name}, which carries the mail now, goes down as well: it refuses connections.",
            REFUSAL_LIMIT_SECONDS,
            lambda move: self._elsewhere(name, move),
        )
        self._calm()

    def _fault(self, fault: str, caption: str, limit_seconds: float, told: Callable[[Move], str]) -> bool:
        """Switch a fault of the active provider on, wait for the move, and return whether it came."""
        name = self._active()
        caused_at = time.time()
        self._world.fault(name, fault)
        self._watch.say("fault", f"{name}: {fault} switched on")
        self._show.open(fault, caption)
        turn = self._await_turn(caused_at, name, limit_seconds + _UNNOTICED_SECONDS)
        move = Move(
            cause=fault,
            left=name,
            caused_at=caused_at,
            noticed_at=self._watch.first_bad(name, caused_at),
            moved_at=turn.at if turn else None,
            to=turn.to if turn else None,
            limit_seconds=limit_seconds,
        )
        self._finish(move, turn, told(move))
        return turn is not None

    def _finish(self, move: Move, turn: Turn | None, then: str) -> None:
        self.moves.append(move)
        if turn is not None:
            self._expected.append(turn)
        if move.problem or move.seconds is None:
            self._show.close(FAILED, move.problem or "")
            return
        noticed = move.seconds_noticed
        after = "" if noticed is None else f", {noticed:.1f} s after the first failed check"
        cause = "healing" if move.cause == "return" else "the fault"
        self._show.close(
            f"{move.seconds:.1f} s", f"Moved to {move.to} {move.seconds:.1f} s after {cause}{after}. {then}"
        )

    def _elsewhere(self, name: str, move: Move) -> str:
        first = self._watch.first_taken_elsewhere(name, move.caused_at)
        if first is None:
            return ""
        return f"{first[1]} took the next message, {max(0.1, first[0] - move.caused_at):.1f} s after the fault."

    def _await_turn(self, since: float, left: str, seconds: float) -> Turn | None:
        self._wait(lambda: self._watch.turn(since, left) is not None, seconds)
        return self._watch.turn(since, left)

    def _active(self) -> str:
        return self._watch.sight.active or self._first

    def _calm(self) -> None:
        self._wait(lambda: False, self._calm_seconds)

    def _wait(self, holds: Callable[[], bool], seconds: float) -> bool:
        """Wait until it holds, for so long at most and never past the deadline; return whether it does."""
        until = min(time.monotonic() + seconds, self._deadline)
        while not holds():
            if self._daemon.poll() is not None:
                raise NotRunningError(f"relaypilot's daemon has ended; see {self._daemon.log}.")
            if time.monotonic() >= until:
                return False
            self._show.refresh()
            time.sleep(0.1)
        return True


def _utc(at: float) -> str:
    return time.strftime("%H:%M:%S", time.gmtime(at))
