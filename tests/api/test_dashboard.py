"""The pages in a real browser."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from service.views import EventView, LaneView, OverrideView, ShareView
from tests.api.browser import Browser, chromium
from tests.api.fake_desk import SENTENCE, now
from tests.api.world import TOKEN, World

DRAWN = "document.getElementById('health').rows.length > 3"


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with chromium(tmp_path_factory.mktemp("chromium")) as browser:
        yield browser


def enter_token(browser: Browser, token: str) -> None:
    browser.wait_for("document.getElementById('token-form').hidden === false")
    browser.evaluate(
        f"document.getElementById('token').value = '{token}'; document.querySelector('#token-form button').click()"
    )


def text_of(browser: Browser, selector: str) -> str:
    return " ".join(str(browser.evaluate(f"document.querySelector({selector!r}).innerText")).split())


def open_with_token(world: World, browser: Browser) -> None:
    browser.open(f"http://127.0.0.1:{world.port}/")
    browser.evaluate("sessionStorage.clear()")
    browser.open(f"http://127.0.0.1:{world.port}/")
    enter_token(browser, TOKEN)
    browser.wait_for(DRAWN)


@pytest.fixture
def page(world: World, browser: Browser) -> Browser:
    """The dashboard after the token was entered; from then on nothing may go wrong unnoticed."""
    open_with_token(world, browser)
    browser.complaints.clear()
    browser.requested.clear()
    return browser


def test_shows_the_state_without_any_complaint(world: World, page: Browser) -> None:
    assert text_of(page, "#sentence") == SENTENCE
    assert page.evaluate("document.title") == "sendgrid - relaypilot"
    first, second, third = page.evaluate("[...document.querySelectorAll('#route li')].map(li => li.innerText)")
    assert first.upper().startswith("ACTIVE\nSENDGRID")
    assert second.upper().startswith("FALLBACK 1\nMAILGUN")
    assert third.upper().startswith("OUT OF THE ROUTE\nSMARTHOST")
    rows = page.evaluate("[...document.querySelectorAll('#health tbody tr')].map(tr => tr.innerText)")
    assert [row.split()[0] for row in rows] == ["mailgun", "sendgrid", "smarthost"]
    assert "✕ degraded, misplacing" in rows[0]
    assert "0/12" in rows[0]
    assert "authentication failed" in text_of(page, "#problems")
    assert "2/3 can be searched" in text_of(page, "#seeds-count")
    page.open(f"http://127.0.0.1:{world.port}/")  # again: the token is kept for this tab
    page.wait_for(DRAWN)
    assert page.complaints == []
    assert {url.split("/")[2] for url in page.requested} == {f"127.0.0.1:{world.port}"}


def test_k_of_n_carries_its_interval(page: Browser) -> None:
    assert page.evaluate("document.querySelector('#health dd.short').title") == "95 % interval: 0 % to 10 %"


def test_failures_behind_a_provider_that_is_well_again_do_not_stand_out(world: World, page: Browser) -> None:
    assert page.evaluate("document.querySelectorAll('#health dd.short.bad').length") == 2
    world.desk.healed = True
    world.call(lambda: world.desk.say(EventView(at=now(), kind="health", sentence="mailgun is healthy.")))
    page.wait_for("document.querySelector('#health tbody .status').textContent === '✓ healthy'")
    assert "0/12" in text_of(page, "#health")
    assert page.evaluate("document.querySelectorAll('#health dd.short').length") == 0


def test_asks_to_sign_in(own_world: World, browser: Browser) -> None:
    browser.open(f"http://127.0.0.1:{own_world.port}/")
    browser.evaluate("sessionStorage.clear()")
    browser.open(f"http://127.0.0.1:{own_world.port}/")
    browser.wait_for("document.getElementById('token-form').hidden === false")
    assert text_of(browser, "#connection") == "waiting for a token"
    assert text_of(browser, "#token-form button") == "Sign in"


def test_what_others_wrote_is_never_markup(page: Browser) -> None:
    assert "<b>3 of 3</b>" in text_of(page, "#events")
    assert page.evaluate("document.querySelectorAll('#events b').length") == 0


def test_an_event_redraws_at_once(world: World, page: Browser) -> None:
    page.wait_for("document.getElementById('connection').textContent === 'live'")
    world.desk.order = ("smarthost", "sendgrid")
    world.call(lambda: world.desk.say(EventView(at=now(), kind="move", sentence="Moved.")))
    page.wait_for("document.querySelector('#route strong').textContent === 'smarthost'")
    assert page.complaints == []


LANES = (
    LaneView(
        receiver="*",
        providers=("sendgrid", "mailgun"),
        shares=(
            ShareView(provider="mailgun", percent=10, kind="canary"),
            ShareView(provider="smarthost", percent=5, kind="warm"),
        ),
    ),
    LaneView(receiver="gmail", providers=("mailgun", "sendgrid")),
)


def show_lanes(world: World, page: Browser) -> None:
    world.desk.lanes = LANES
    pin = OverrideView(verb="pin", provider="mailgun", receiver="gmail", until=None, actor="ann", reason="")
    world.desk.overrides = (pin,)
    world.call(lambda: world.desk.say(EventView(at=now(), kind="move", sentence="Moved.")))
    page.wait_for("document.getElementById('lanes').hidden === false")


def test_lanes_and_shares_are_told_where_not_all_mail_goes_one_way(world: World, page: Browser) -> None:
    assert page.evaluate("document.getElementById('lanes').hidden")
    show_lanes(world, page)
    cells = "[...tr.cells].map(cell => cell.innerText)"
    rows = page.evaluate(f"[...document.querySelectorAll('#lanes tbody tr')].map(tr => {cells})")
    assert rows == [
        ["All other", "sendgrid, mailgun", "10 % to mailgun (canary), 5 % to smarthost (warm)"],
        ["gmail", "mailgun, sendgrid", "\u2013"],
    ]
    assert "pin mailgun for mail to gmail" in text_of(page, "#overrides")
    world.desk.lanes = LANES[:1]
    world.call(lambda: world.desk.say(EventView(at=now(), kind="move", sentence="Moved.")))
    page.wait_for("document.querySelector('#lanes tbody').rows.length === 1")
    assert text_of(page, "#lanes tbody th") == "All"
    assert page.complaints == []


def test_says_when_the_daemon_is_gone(own_world: World, browser: Browser) -> None:
    open_with_token(own_world, browser)
    own_world.stop()
    browser.wait_for("document.getElementById('connection').textContent === 'the daemon does not answer'")
    assert text_of(browser, "#sentence") == SENTENCE


def test_a_wrong_token_is_asked_for_again(own_world: World, browser: Browser) -> None:
    browser.open(f"http://127.0.0.1:{own_world.port}/")
    enter_token(browser, "wrong")
    browser.wait_for("document.getElementById('token-wrong').checkVisibility()")
    enter_token(browser, TOKEN)
    browser.wait_for(DRAWN)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1200])
def test_readable_on_a_phone_and_in_the_dark(
    world: World, page: Browser, tmp_path: Path, scheme: str, width: int
) -> None:
    show_lanes(world, page)
    page.screen(width, 844, scheme)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    colours = """[...document.querySelectorAll('main *')].filter(e => e.checkVisibility() && [...e.childNodes].some(
        n => n.nodeType === 3 && n.textContent.trim())).map(e => {
          let ground = e;
          while (getComputedStyle(ground).backgroundColor === 'rgba(0, 0, 0, 0)') ground = ground.parentElement;
          return [getComputedStyle(e).color, getComputedStyle(ground).backgroundColor, e.textContent];
        })"""
    found = page.evaluate(colours)
    assert len(found) > 30
    assert [words for ink, ground, words in found if contrast(ink, ground) < 4.5] == []  # WCAG 2.2, 1.4.3
    page.picture(tmp_path / "page.png")
    assert (tmp_path / "page.png").stat().st_size > 10_000


def test_the_description_of_the_api_is_shown(world: World, page: Browser) -> None:
    page.open(f"http://127.0.0.1:{world.port}/docs")
    page.wait_for("document.querySelectorAll('.operation').length > 20")
    assert "/v1/failover" in text_of(page, "main")
    assert page.complaints == []


def contrast(one: str, other: str) -> float:
    """The contrast ratio of two opaque CSS colours (WCAG 2.2, relative luminance)."""
    high, low = sorted((luminance(one), luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def luminance(colour: str) -> float:
    shares = [int(part) / 255 for part in colour.removeprefix("rgb(").removesuffix(")").split(",")]
    red, green, blue = (share / 12.92 if share <= 0.04045 else ((share + 0.055) / 1.055) ** 2.4 for share in shares)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def test_compare_shows_the_providers_beside_each_other_and_what_differs(page: Browser) -> None:
    page.wait_for("document.querySelectorAll('#compare tbody tr').length > 10")
    rows = page.evaluate("[...document.querySelectorAll('#compare tr')].map(tr => tr.innerText.replace(/\\s+/g, ' '))")
    assert rows[0].split() == ["mailgun", "sendgrid", "smarthost"]
    assert rows[1] == "accepted 12/12 80-100 % 12/12 80-100 % 12/12 80-100 %"
    assert "available 99.999 % of 1 d 99.999 % of 1 d 99.999 % of 1 d" in rows
    assert "cost of 1,000 0.90 USD \u2013 \u2013" in rows
    assert not any(row.startswith("retention") for row in rows)  # nobody declares it
    assert text_of(page, "#differences") == "At * mailgun and sendgrid differ: better in 14 rounds of 24, worse in 0."
    page.evaluate(
        "const at = document.getElementById('compare-receiver');"
        "at.value = 'gmail'; at.dispatchEvent(new Event('change'))"
    )
    page.wait_for("document.getElementById('differences').innerText.startsWith('At gmail')")
    assert page.complaints == []
