"""What compare says of differences: proven ones in sentences, and honest words where there is too little."""

import pytest

from probes.observation import Signal
from service.cli.compare_page import compare_page
from service.cli.page import Cell, plain
from service.decision.paired import Difference, PairCounts, difference, rounds_needed
from service.difference import sentence, what_is_open
from service.views import CompareView
from tests.api.fake_desk import FakeDesk


def found(first: int, second: int, rounds: int = 48, signal: Signal = Signal.PLACEMENT) -> Difference:
    counts = PairCounts(rounds=rounds, first_better=first, second_better=second)
    return difference("mailgun", "sendgrid", "*", signal, counts, tests=60)


def test_too_little_data_is_said_with_what_would_be_enough() -> None:
    said = what_is_open([found(3, 0, rounds=3)], 60)
    assert said.startswith(
        f"Too little was measured to tell: 3 rounds in this time, and {rounds_needed(60)} that all speak for the same"
    )


def test_enough_rounds_without_a_proof_are_no_proof_of_likeness() -> None:
    assert "no proof that two providers are alike" in what_is_open([found(20, 18), found(48, 0)], 60)


def test_with_every_difference_proven_or_no_pair_nothing_is_open() -> None:
    assert what_is_open([found(48, 0)], 60) == "Every pair differs in everything that was measured."
    assert what_is_open([], 0) == ""


def test_the_winner_is_named_first_whichever_of_the_pair_it_is() -> None:
    says = "Everywhere {} reaches the inbox more often than {}: better in 40 rounds of 48, worse in 1."
    assert sentence(found(40, 1)) == says.format("mailgun", "sendgrid")
    assert sentence(found(1, 40)) == says.format("sendgrid", "mailgun")


@pytest.mark.parametrize("signal", [Signal.ACCEPTANCE, Signal.ARRIVAL, Signal.LATENCY, Signal.AUTHENTICATION])
def test_every_signal_that_is_compared_has_words(signal: Signal) -> None:
    assert " than sendgrid: better in" in sentence(found(40, 0, signal=signal))


def test_what_is_not_proven_is_said_with_its_counts() -> None:
    assert sentence(found(2, 1)).endswith("mailgun was better in 2, sendgrid in 1 of 48 rounds.")


@pytest.fixture
async def comparison() -> CompareView:
    return await FakeDesk().compare(86400.0, None)


@pytest.mark.anyio
async def test_five_providers_stand_in_two_groups(comparison: CompareView) -> None:
    rows = [row.model_copy(update={"provider": f"{row.provider}-{n}"}) for row in comparison.rows[:3] for n in (1, 2)]
    page = compare_page(comparison.model_copy(update={"rows": tuple(rows[:5])}))
    assert sum(line.startswith("accepted ") for line in plain(page).splitlines()) == 2


@pytest.mark.anyio
async def test_one_provider_is_compared_with_nobody(comparison: CompareView) -> None:
    assert "Real differences" not in plain(compare_page(comparison.model_copy(update={"differences": ()})))


@pytest.mark.anyio
async def test_no_proven_difference_is_said(comparison: CompareView) -> None:
    none = tuple(d.model_copy(update={"better": None}) for d in comparison.differences)
    assert "- None is proven.\n" in plain(compare_page(comparison.model_copy(update={"differences": none})))


@pytest.mark.anyio
async def test_nothing_measured_is_said(comparison: CompareView) -> None:
    none = {"n": 0, "good": 0, "low_ratio": None, "high_ratio": None}
    names = ("acceptance", "inbox", "spam", "missing", "late", "authentication", "sessions", "live")
    rows = tuple(
        row.model_copy(update={name: getattr(row, name).model_copy(update=none) for name in names})
        for row in comparison.rows
    )
    page = compare_page(comparison.model_copy(update={"rows": rows}))
    assert page[-1] == Cell("Nothing was measured in this time.")
