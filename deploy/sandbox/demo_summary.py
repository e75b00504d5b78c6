"""What the demo came to: the ledger's numbers, how long each move took, and what was not as expected. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

from deploy.sandbox.ledger import Counts

_COUNTED = ("sent", "inbox", "spam", "late", "bounced", "lost", "twice")


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """One move that had to happen. Times are seconds since the epoch, measured outside relaypilot."""

    cause: str  # "spam", "return", "suspended", "down"
    left: str
    caused_at: float  # when the fault was switched on; of a return: when it was healed
    noticed_at: float | None = None  # the first failed probe, check or live message on relaypilot's record
    moved_at: float | None = None  # when Postfix's relayhost named another provider first
    to: str | None = None
    limit_seconds: float  # from noticed_at, or from caused_at where nothing fails first

    @property
    def seconds(self) -> float | None:
        """Return how long mail stayed after the cause."""
        return None if self.moved_at is None else self.moved_at - self.caused_at

    @property
    def seconds_noticed(self) -> float | None:
        """Return how long mail stayed after the first failed probe or check."""
        if self.moved_at is None or self.noticed_at is None:
            return None
        return self.moved_at - self.noticed_at

    @property
    def problem(self) -> str | None:
        """Return what is wrong with this move, or None."""
        if self.moved_at is None:
            back = f" for {self.to}" if self.to else ""
            return f"{self.cause}: mail did not leave {self.left}{back} in time."
        measured = self.seconds_noticed if self.noticed_at is not None else self.seconds
        if measured is not None and measured > self.limit_seconds:
            start = "the first failed check" if self.noticed_at is not None else self._cause
            return (
                f"{self.cause}: mail left {self.left} only {measured:.1f} s after {start}, "
                f"not within {self.limit_seconds:g} s."
            )
        return None

    @property
    def _cause(self) -> str:
        return "healing" if self.cause == "return" else "the fault"

    def lines(self) -> list[tuple[str, float | None, str]]:
        """Return (label, seconds, remark) for each number worth telling."""
        if self.cause == "return":
            return [("return: healed to moved back", self.seconds, f"to {self.to}; at most {self.limit_seconds:g}")]
        where = f"{self.left} to {self.to}" if self.to else f"still at {self.left}"
        return [
            (f"{self.cause}: fault on to moved", self.seconds, where),
            (f"{self.cause}: first failure to moved", self.seconds_noticed, f"at most {self.limit_seconds:g}"),
        ]


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """Everything the demo reports at its end."""

    counts: Counts
    late_seconds: float
    moves: Sequence[Move]
    taken_for_spam: int  # live messages that providers took while they foldered everything
    surprises: Sequence[str] = ()  # anything else that was not in the script

    @property
    def problems(self) -> tuple[str, ...]:
        """Return what was not as expected, a sentence each; nothing means that the demo succeeded."""
        counts = self.counts
        found = [move.problem for move in self.moves if move.problem]
        if counts.lost:
            found.append(f"{_messages(counts.lost)} lost: {counts.dropped} of them by the relay's own word.")
        if counts.bounced:
            found.append(f"{_messages(counts.bounced)} returned to the sender.")
        if counts.queued or counts.underway:
            found.append(f"{_messages(counts.queued + counts.underway)} still on the way, though the time is over.")
        if counts.spam > self.taken_for_spam:
            found.append(
                f"{_messages(counts.spam)} in a spam folder, but only {self.taken_for_spam} taken by a provider "
                "while its fault was on."
            )
        return (*found, *self.surprises)

    @property
    def exit_status(self) -> int:
        """Return 0 when everything was as expected, else 1."""
        return 1 if self.problems else 0

    def lines(self) -> list[str]:
        """Return the report, one number a line."""
        remarks = {
            "sent": "live messages that Postfix took",
            "spam": "taken by a provider before its fault was known",
            "late": f"arrived after more than {self.late_seconds:g} s",
            "bounced": "returned to the sender",
            "lost": "in no mailbox, no queue and no bounce",
            "twice": "arrived more than once",
        }
        lines = ["What became of the mail, every message looked for where it ended:", ""]
        lines += [_line(name, f"{getattr(self.counts, name)}", remarks.get(name, "")) for name in _COUNTED]
        lines += ["", "How long each move took, in seconds:", ""]
        for move in self.moves:
            lines += [_line(label, _seconds(seconds), remark) for label, seconds, remark in move.lines()]
        lines.append("")
        if self.problems:
            lines += ["Not as expected:", *(f"  {problem}" for problem in self.problems)]
        else:
            lines.append("As expected: mail moved each time, and none was lost or bounced.")
        return lines


def _messages(number: int) -> str:
    return "1 message is" if number == 1 else f"{number} messages are"


def _line(label: str, number: str, remark: str) -> str:
    return f"  {label:<33} {number:>7}   {remark}".rstrip()


def _seconds(seconds: float | None) -> str:
    return "-" if seconds is None else f"{seconds:.1f}"
