"""What the pages say, from values written down here."""

import pytest

from service.cli.explain import explain_page
from service.cli.page import Cell, Heading, Screen, plain
from service.cli.status_page import _NOT_LOOKED_AT, status_page
from service.cli.words import condition
from service.prober import NOT_LOOKED_AT
from tests.api.fake_desk import RECEIVERS, FakeDesk, health

REFUSING = health("mailgun", "*").model_copy(update={"severity": "refusing"})
LONG = "mailgun refuses mail: 3 of 3 probes in a row failed"


@pytest.mark.parametrize(
    ("status", "said"), [("degraded", "degraded (refusing)"), ("recovering", "recovering"), ("suspect", "suspect")]
)
def test_severity_is_said_of_what_is_degraded_only(status: str, said: str) -> None:
    assert condition(REFUSING.model_copy(update={"status": status})) == said


@pytest.mark.anyio
async def test_explain_says_one_reason_once_for_all_receivers() -> None:
    everywhere = [
        REFUSING.model_copy(update={"receiver": where, "status": "degraded", "reason": LONG})
        for where in ("*", *RECEIVERS)
    ]
    explanation = (await FakeDesk().explain()).model_copy(update={"providers": tuple(everywhere)})
    text = plain(explain_page(explanation))
    assert text.count(LONG) == 1
    assert f"- degraded (refusing): {LONG}" in text


@pytest.mark.anyio
async def test_seeds_that_nobody_has_looked_at_are_told_from_good_ones() -> None:
    assert _NOT_LOOKED_AT == NOT_LOOKED_AT
    status = await FakeDesk().status()

    def said(**seeds: str | None) -> str:
        page = status_page(status.model_copy(update={"seeds": seeds}))
        return next(block.text for block in page if isinstance(block, Heading) and block.text.startswith("Seeds"))

    assert said(a=NOT_LOOKED_AT, b=NOT_LOOKED_AT) == "Seeds: 2 not looked at yet"
    assert said(a=None, b=NOT_LOOKED_AT, c="login refused") == "Seeds: 1/3 can be searched, 1 not looked at yet"


@pytest.mark.anyio
async def test_a_provider_that_is_down_everywhere_has_one_row_on_a_narrow_terminal() -> None:
    status = await FakeDesk().status()
    bad = [p if p.name != "mailgun" else down(p) for p in status.providers]
    page = status_page(status.model_copy(update={"providers": tuple(bad)}), Screen(80, 24))
    text = plain([block for block in page if not isinstance(block, Cell)])
    assert "RECEIVER" not in text
    assert text.count("degraded") >= 1


def down(provider):
    receivers = tuple(provider.health.model_copy(update={"receiver": health.receiver}) for health in provider.receivers)
    return provider.model_copy(update={"receivers": receivers})
