"""What compare says of differences: proven ones in sentences, and honest words where there is too little."""

import pytest

from service.cli.compare_page import compare_page
from service.cli.difference import differences_page, sentence
from service.cli.page import Cell, plain
from service.views import CompareView
from tests.api.fake_desk import FakeDesk


@pytest.fixture
async def found() -> CompareView:
    return await FakeDesk().compare(86400.0, None)


def with_differences(found: CompareView, **changes: object) -> CompareView:
    differences = tuple(d.model_copy(update=changes) for d in found.differences)
    return found.model_copy(update={"differences": differences})


@pytest.mark.anyio
async def test_too_little_data_is_said_with_what_would_be_enough(found: CompareView) -> None:
    text = plain(differences_page(with_differences(found, better=None, worse=None, rounds=3)))
    assert "- None is proven." in text
    assert "Too little was measured to tell: 3 rounds in this time, and 13 that all speak for the same" in text


@pytest.mark.anyio
async def test_enough_rounds_without_a_proof_are_no_proof_of_likeness(found: CompareView) -> None:
    text = plain(differences_page(with_differences(found, better=None, worse=None)))
    assert "is no proof that two providers are alike" in text


@pytest.mark.anyio
async def test_the_winner_is_named_first_whichever_of_the_pair_it_is(found: CompareView) -> None:
    one = found.differences[0].model_copy(update={"better": "mailgun", "worse": "sendgrid", "first_better": 20})
    assert sentence(one).startswith(
        "Everywhere mailgun reaches the inbox more often than sendgrid: better in 20 rounds"
    )
    assert sentence(one).endswith("worse in 14.")


@pytest.mark.anyio
async def test_one_provider_is_compared_with_nobody(found: CompareView) -> None:
    assert differences_page(found.model_copy(update={"differences": ()})) == []


@pytest.mark.anyio
async def test_five_providers_stand_in_two_groups(found: CompareView) -> None:
    rows = [row.model_copy(update={"provider": f"{row.provider}-{n}"}) for row in found.rows[:3] for n in (1, 2)]
    lines = plain(compare_page(found.model_copy(update={"rows": tuple(rows[:5])}))).splitlines()
    assert sum(line.startswith("accepted ") for line in lines) == 2


@pytest.mark.anyio
async def test_nothing_measured_is_said(found: CompareView) -> None:
    none = {"n": 0, "good": 0, "low_ratio": None, "high_ratio": None}
    names = ("acceptance", "inbox", "spam", "missing", "late", "authentication", "sessions", "live")
    rows = tuple(
        row.model_copy(update={name: getattr(row, name).model_copy(update=none) for name in names})
        for row in found.rows
    )
    page = compare_page(found.model_copy(update={"rows": rows}))
    assert page[-1] == Cell("Nothing was measured in this time.")
