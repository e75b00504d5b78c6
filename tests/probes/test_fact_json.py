import contextlib
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probes.errors import FactFormatError
from probes.fact_json import fact_from_json, fact_to_json, good_check
from probes.observation import Notice, NoticeKind, Observation, Outcome, Signal, Source

texts = st.text(min_size=1)
maybe = st.none() | texts
times = st.datetimes(timezones=st.just(UTC), min_value=datetime(1971, 1, 1), max_value=datetime(2200, 1, 1))  # noqa: DTZ001
observations = st.builds(
    Observation,
    at=times,
    provider=texts,
    signal=st.sampled_from(Signal),
    source=st.sampled_from(Source),
    outcome=st.sampled_from(Outcome),
    receiver=maybe,
    seed=maybe,
    round=maybe,
    confirmation=st.booleans(),
    value=st.none() | texts | st.floats(allow_nan=False, allow_infinity=False),
    category=maybe,
    stage=maybe,
    temporary=st.none() | st.booleans(),
    rule=maybe,
    text=maybe,
    signed=st.none() | st.booleans(),
    count=st.integers(min_value=1),
)
notices = st.builds(
    Notice, at=times, kind=st.sampled_from(NoticeKind), detail=st.dictionaries(st.text(), st.text(), max_size=4)
)


@given(observations | notices)
def test_every_fact_survives_the_file(fact) -> None:
    line = fact_to_json(fact)
    assert "\n" not in line
    assert fact_from_json(line) == fact


def test_the_written_form_is_the_published_one() -> None:
    fact = Observation(
        at=datetime(2026, 11, 23, 21, 0, tzinfo=timezone(timedelta(hours=1))),
        provider="mailgun",
        signal=Signal.PLACEMENT,
        source=Source.PROBE,
        outcome=Outcome.BAD,
        receiver="gmail",
        seed="g1",
        round="r1",
        value="spam",
    )
    assert json.loads(fact_to_json(fact)) == {
        "v": 1,
        "at": "2026-11-23T20:00:00Z",
        "provider": "mailgun",
        "receiver": "gmail",
        "seed": "g1",
        "round": "r1",
        "signal": "placement",
        "source": "probe",
        "outcome": "bad",
        "value": "spam",
    }
    notice = Notice(at=fact.at, kind=NoticeKind.GAP, detail={"seconds": "30"})
    assert json.loads(fact_to_json(notice)) == {
        "v": 1,
        "at": "2026-11-23T20:00:00Z",
        "fact": "gap",
        "detail": {"seconds": "30"},
    }


def test_a_line_written_by_hand_needs_four_fields() -> None:
    fact = fact_from_json('{"at": "2026-11-23T20:00:00+00:00", "provider": "a", "signal": "live", "outcome": "good"}')
    assert fact == Observation(
        at=datetime(2026, 11, 23, 20, 0, tzinfo=UTC),
        provider="a",
        signal=Signal.LIVE,
        source=Source.LOG,
        outcome=Outcome.GOOD,
    )
    assert fact_from_json('{"at": "2026-11-23T20:00:00Z", "fact": "start"}').kind is NoticeKind.START


GOOD = {"at": "2026-11-23T20:00:00Z", "provider": "a", "signal": "session", "outcome": "good"}


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"at": None}, 'field "at" is missing'),
        ({"at": "yesterday"}, 'field "at" must be a time with zone'),
        ({"at": "2026-11-23T20:00:00"}, 'field "at" must be a time with zone'),
        ({"provider": None}, 'field "provider" is missing'),
        ({"provider": 3}, 'field "provider" must be a text'),
        ({"signal": "smell"}, 'field "signal" must be one of session, acceptance'),
        ({"outcome": None}, 'field "outcome" is missing'),
        ({"outcome": ["good"]}, 'field "outcome" must be one of good, bad, unknown'),
        ({"source": "rumour"}, 'field "source" must be one of probe, log, event'),
        ({"value": True}, 'field "value" must be seconds or a folder'),
        ({"value": 10**400}, 'field "value" must be a finite number'),
        ({"count": 0}, 'field "count" must be a whole number'),
        ({"count": 1.5}, 'field "count" must be a whole number'),
        ({"temporary": "no"}, 'field "temporary" must be true or false'),
        ({"v": 2}, 'field "v" must be 1'),
        ({"recieiver": "gmail"}, 'field "recieiver" is not a field'),
        ({"fact": "gap"}, "is not a field of a fact; known are at, detail, fact, v"),
    ],
)
def test_a_wrong_line_is_named_with_its_field(changes: dict, problem: str) -> None:
    with pytest.raises(FactFormatError) as caught:
        fact_from_json(json.dumps(GOOD | changes), line_number=7)
    assert str(caught.value).startswith("line 7: ")
    assert problem in str(caught.value)


@pytest.mark.parametrize("line", ["", "[]", "nonsense", '{"value": NaN}', "3", pytest.param("[" * 100000, id="deep")])
def test_a_line_that_is_no_object_is_named(line: str) -> None:
    with pytest.raises(FactFormatError, match=r"^line 3: "):
        fact_from_json(line, line_number=3)


@given(
    st.recursive(
        st.none() | st.booleans() | st.floats() | st.text(), lambda x: st.lists(x) | st.dictionaries(st.text(), x)
    )
)
def test_any_json_is_a_fact_or_an_error_of_ours(value) -> None:
    with pytest.raises(FactFormatError):
        fact_from_json(json.dumps(value))
    if isinstance(value, dict):
        with contextlib.suppress(FactFormatError):
            fact_from_json(json.dumps(GOOD | value))


CHECK = Observation(
    at=datetime(2026, 3, 1, 12, tzinfo=UTC),
    provider="mailgun",
    signal=Signal.SESSION,
    source=Source.PROBE,
    outcome=Outcome.GOOD,
    round="s1",
)


def test_a_good_session_check_is_known_by_its_line() -> None:
    for at in (CHECK.at, CHECK.at.replace(microsecond=7)):
        assert good_check(fact_to_json(replace(CHECK, at=at))) == (at, "mailgun", "s1")
    assert good_check(fact_to_json(replace(CHECK, round="ründ"))) == (CHECK.at, "mailgun", "ründ")
    for seconds in (0.0, 0.0421337, 30.0):
        assert good_check(fact_to_json(replace(CHECK, value=seconds))) == (CHECK.at, "mailgun", "s1")
    assert good_check(json.dumps(json.loads(fact_to_json(CHECK)))) == (CHECK.at, "mailgun", "s1")


@pytest.mark.parametrize(
    "other",
    [
        {"outcome": Outcome.BAD},
        {"outcome": Outcome.UNKNOWN},
        {"signal": Signal.ACCEPTANCE},
        {"source": Source.LOG},
        {"source": Source.EVENT},
        {"round": None},
        {"round": 'a"b'},
        {"provider": "a\\b"},
        {"confirmation": True},
        {"count": 2},
        {"text": "250 OK"},
        {"seed": "gmail-1"},
        {"receiver": "gmail"},
        {"signed": True},
        {"value": "inbox"},
        {"value": -1.0},
        {"value": 1e300},
    ],
    ids=str,
)
def test_whatever_says_more_than_a_good_session_check_is_none(other: dict) -> None:
    assert good_check(fact_to_json(replace(CHECK, **other))) is None


@pytest.mark.parametrize(
    "change", [("Z", "+00:00"), ("2026-03-01", "2026-13-01"), ("T", "T9"), ("}", "}x"), ('"v":1', '"v":2')]
)
def test_what_is_not_written_as_we_write_it_is_left_to_the_whole_reading(change: tuple[str, str]) -> None:
    assert good_check(fact_to_json(CHECK).replace(*change)) is None


@given(times, texts, texts)
def test_the_quick_reading_of_a_check_is_the_whole_reading(at: datetime, provider: str, word: str) -> None:
    line = fact_to_json(replace(CHECK, at=at, provider=provider, round=word))
    quick = good_check(line)
    if quick is not None:
        assert fact_from_json(line) == replace(CHECK, at=quick[0], provider=quick[1], round=quick[2])


@given(observations | notices, st.sampled_from([(",", ":"), (", ", ": "), (",  ", ":")]))
def test_the_order_of_the_fields_and_the_spaces_between_them_change_nothing(fact, separators) -> None:
    row = json.loads(fact_to_json(fact))
    for fields in (row, dict(reversed(row.items()))):
        assert fact_from_json(json.dumps(fields, separators=separators, ensure_ascii=False)) == fact


@pytest.mark.parametrize("value", ["007", "1.", ".5", "+1", "-0", "1e3", "9" * 400, "٣", "1_0", "0x1", "NaN", "true"])
def test_a_number_is_what_json_takes_for_one(value: str) -> None:
    line = fact_to_json(replace(CHECK, value=0.5)).replace("0.5", value)
    turned = line.replace('"v":1,', "").replace("}", ',"v":1}')
    assert said(line) == said(turned)
    assert good_check(line) is None


def said(line: str) -> object:
    try:
        return fact_from_json(line)
    except FactFormatError as error:
        return str(error).partition(":")[0]
