"""What the pages say, from values written down here."""

from datetime import UTC, datetime

import pytest

from service.cli.explain import explain_page
from service.cli.history import _NO_MOVES, _STANDBY_ORDER, history_page
from service.cli.page import Cell, Heading, Screen, plain
from service.cli.plan import plan_page
from service.cli.status_page import _NOT_LOOKED_AT, status_page
from service.cli.words import condition, order
from service.decision.moves import NO_MOVES, STANDBY_ORDER
from service.prober import NOT_LOOKED_AT
from service.views import HistoryEntryView, LaneView, OverrideView, PlanView, ShareView
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


@pytest.mark.anyio
async def test_the_way_of_a_receivers_mail_and_shares_are_shown_where_there_are_any() -> None:
    status = await FakeDesk().status()

    def said(*lanes: LaneView) -> str:
        route = status.route.model_copy(update={"lanes": lanes})
        return plain(status_page(status.model_copy(update={"route": route})))

    whole = LaneView(receiver="*", providers=("a", "b"))
    assert "All mail" not in said(whole)
    warm = whole.model_copy(update={"shares": (ShareView(provider="b", percent=2, kind="warm"),)})
    assert "- All mail: a, b; shares: b 2 % (warm)" in said(warm)
    both = said(whole, LaneView(receiver="gmail", providers=("b", "a")))
    assert "- All mail: a, b" in both
    assert "- Mail to gmail: b, a" in both


@pytest.mark.anyio
async def test_a_pin_of_one_receivers_mail_says_so() -> None:
    now = (await FakeDesk().status()).at
    pin = OverrideView(verb="pin", provider="a", receiver="gmail", until=None, actor="ada", reason="")
    assert order(pin, now) == "pin a for mail to gmail until resumed, by ada"


def test_a_plan_says_whose_mail_and_whether_the_target_can_carry_it() -> None:
    plan = PlanView(
        to="b", receiver="gmail", current=("a",), wanted=("b", "a"), changes=(), diff="", capacity="It can."
    )
    text = plain(plan_page(plan))
    assert text.startswith("Only mail to gmail would move.\n")
    assert "\nIt can.\n" in text


def test_history_knows_the_rules_under_which_nobody_moves() -> None:
    assert (_STANDBY_ORDER, _NO_MOVES) == (STANDBY_ORDER, NO_MOVES)


@pytest.mark.parametrize(
    ("before", "after", "rule", "receiver", "change"),
    [
        ("mailgun", "acme", "refusing", None, "mailgun → acme"),
        ("mailgun", "acme", "refusing", "gmail", "mail to gmail: mailgun → acme"),
        ("acme", "acme", "canary", "gmail", "mail to gmail: acme (shares)"),
        ("acme", "acme", "standby-order", None, "acme (order)"),
    ],
)
def test_history_tells_whose_mail_went_where(
    before: str, after: str, rule: str, receiver: str | None, change: str
) -> None:
    entry = HistoryEntryView(
        at=datetime(2026, 11, 23, tzinfo=UTC),
        kind="applied",
        trigger="automatic",
        actor="relaypilot",
        reason="a reason",
        rule=rule,
        from_route=(before, "sendgrid"),
        to_route=(after, "sendgrid"),
        receiver=receiver,
        enforced=True,
    )
    assert f"  {change}  automatic" in plain(history_page((entry,)))


def test_the_verdict_stands_below_a_long_diff_again() -> None:
    plan = PlanView(to="acme", current=("mailgun",), wanted=("acme", "mailgun"), changes=("one",), diff="+a\n" * 20)
    assert plain(plan_page(plan)).count("No safety rule stands against it.") == 1
    longer = plain(plan_page(plan.model_copy(update={"diff": "+a\n" * 21})))
    assert longer.endswith("21 lines of diff; nothing was changed\nNo safety rule stands against it.")
