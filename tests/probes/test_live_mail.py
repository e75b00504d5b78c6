from datetime import UTC, datetime
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from probes.live_mail import LiveCounter
from probes.observation import Observation, Outcome, Signal, Source
from providers.base import RelayEndpoint, TlsMode

NOW = datetime(2026, 11, 23, 20, 0, tzinfo=UTC)
LOG = (Path(__file__).parent / "postfix-3.7.log").read_text(encoding="utf-8").splitlines()


class Relay:
    def __init__(self, name: str, host: str, port: int) -> None:
        self.name = name
        self._endpoint = RelayEndpoint(host=host, port=port, tls=TlsMode.NONE, server_name=host)

    def relay_endpoint(self) -> RelayEndpoint:
        return self._endpoint


ALPHA, BETA = Relay("alpha", "127.0.0.1", 2525), Relay("beta", "127.0.0.1", 2526)


def counter(*relays: Relay) -> LiveCounter:
    return LiveCounter(relays or (ALPHA, BETA), receivers={"gmail": ("gmail.test",)}, zone=UTC)


def count(lines, live: LiveCounter | None = None) -> list[Observation]:
    live = live or counter()
    for line in lines:
        live.feed(line, NOW)
    return live.flush(NOW)


def head(service: str = "relay-alpha", pid: int = 7, second: int = 54) -> str:
    return f"Nov 23 19:00:{second} mx1 postfix/{service}/smtp[{pid}]: "


def row(
    queue_id: str = "AAAAAA",
    to: str = "x@gmail.test",
    relay: str = "127.0.0.1[127.0.0.1]:2526",
    status: str = "sent (250 2.0.0 ok)",
    **where: object,
) -> str:
    return (
        f"{head(**where)}{queue_id}: to=<{to}>, relay={relay}, delay=1, delays=0/0/0.5/0.5, dsn=2.0.0, status={status}"
    )


def bad(observations: list[Observation]) -> list[tuple]:
    return [(o.provider, o.category, o.stage, o.count) for o in observations if o.outcome is Outcome.BAD]


def of_domain(domain: str) -> list[str]:
    """All client lines of the real log that belong to the message to this domain, in order."""
    ids = {line.split("]: ")[1].split(":")[0] for line in LOG if f"@{domain}>, relay=" in line and "/smtp[" in line}
    return [line for line in LOG if "/smtp[" in line and line.split("]: ")[1].split(":")[0] in ids]


def test_a_failure_that_postfix_got_over_is_the_first_providers() -> None:
    seen = {
        domain: bad(count(of_domain(f"{domain}.test")))
        for domain in ("greet421", "drop", "ehlo-drop", "auth535", "mail450", "rcpt450", "eod451", "eod-drop", "silent")
    }
    stages = {domain: [stage for _, _, stage, _ in found] for domain, found in seen.items()}
    assert stages == {
        "greet421": ["banner"],
        "drop": ["banner"],
        "ehlo-drop": ["ehlo"],
        "auth535": ["auth"],
        "mail450": ["mail"],
        "rcpt450": ["rcpt"],
        "eod451": ["end-of-data"],
        "eod-drop": ["end-of-data"],
        "silent": ["banner"],
    }
    assert {provider for found in seen.values() for provider, *_ in found} == {"alpha"}
    assert {number for found in seen.values() for *_, number in found} == {1}
    for domain in seen:
        good = [o for o in count(of_domain(f"{domain}.test")) if o.outcome is Outcome.GOOD]
        assert [(o.provider, o.receiver, o.count) for o in good] == [("beta", "other", 1)]


def test_one_refused_connection_is_one_failure_with_or_without_a_second_nexthop() -> None:
    connect = head() + "connect to 127.0.0.1[127.0.0.1]:2525: Connection refused"
    deferred = row(relay="none", status="deferred (connect to 127.0.0.1[127.0.0.1]:2525: Connection refused)")
    assert bad(count([connect, row()])) == [("alpha", "network", "connect", 1)]
    assert bad(count([connect, deferred])) == [("alpha", "network", "connect", 1)]
    next_message = row(queue_id="BBBBBB")
    assert bad(count([connect, row(), connect, next_message])) == [("alpha", "network", "connect", 2)]


def test_further_addresses_of_one_provider_are_one_failure() -> None:
    relay = Relay("alpha", "smtp.a.test", 587)
    lines = [head() + f"connect to smtp.a.test[192.0.2.{n}]:587: Connection timed out" for n in range(5)]
    assert bad(count([*lines, row()], counter(relay, BETA))) == [("alpha", "network", "connect", 1)]


def test_a_message_that_is_retried_counts_once() -> None:
    deferred = [
        row(
            relay="127.0.0.1[127.0.0.1]:2525", pid=pid, status="deferred (host 127.0.0.1[127.0.0.1] said: 451 4.3.0 no)"
        )
        for pid in (7, 8, 9)
    ]
    assert bad(count(deferred)) == [("alpha", "provider-temp", "end-of-data", 1)]


def test_recipients_of_one_message_are_counted_once_per_receiver() -> None:
    lines = [row(to="a@gmail.test"), row(to="b@gmail.test"), row(to="c@else.test")]
    assert sorted((o.receiver, o.count) for o in count(lines)) == [("gmail", 1), ("other", 1)]


def test_suspended_rows_are_no_attempts() -> None:
    suspended = row(
        relay="none",
        status="deferred (delivery temporarily suspended: connect to 127.0.0.1[127.0.0.1]:2525: Connection refused)",
    )
    assert count([suspended, suspended.replace("/smtp[", "/error[")]) == []


def test_host_and_port_beat_the_name_of_the_service() -> None:
    (told,) = count([row(relay="127.0.0.1[127.0.0.1]:2526", service="relay-alpha")])
    assert told.provider == "beta"


def test_where_no_session_existed_the_name_of_the_service_tells() -> None:
    status = "deferred (Host or domain name not found. Name service error for name=smtp.b.test type=A: try again)"
    (told,) = count([row(relay="none", status=status, service="relay-beta")])
    assert (told.provider, told.category, told.stage) == ("beta", "network", "dns")


def test_two_accounts_on_one_host_are_told_apart_by_the_service_or_not_at_all() -> None:
    relays = (Relay("one", "smtp.a.test", 587), Relay("two", "smtp.a.test", 587))
    sent = "smtp.a.test[192.0.2.1]:587"
    (told,) = count([row(relay=sent, service="relay-two")], counter(*relays))
    assert told.provider == "two"
    assert count([row(relay=sent, service="relay")], counter(*relays)) == []


def test_other_mail_of_the_host_is_not_counted() -> None:
    assert count([row(relay="mx.else.test[192.0.2.7]:25", service="relay")]) == []


def test_a_refused_recipient_carries_its_category() -> None:
    assert bad(count(of_domain("rcpt550.test"))) == [("alpha", "recipient", "rcpt", 1)]


def test_a_suspended_account_carries_its_category() -> None:
    (found,) = bad(count(of_domain("mail550.test")))
    assert found[:2] == ("alpha", "account")


def test_counts_are_kept_per_ten_seconds_and_stamped_by_the_log() -> None:
    lines = [row(queue_id=f"AAAAA{n}", second=50 + n) for n in range(9)] + [row(queue_id="BBBBBB", second=41)]
    told = count(lines)
    assert [(o.at.second, o.count) for o in told] == [(49, 1), (59, 9)]
    assert {(o.signal, o.source, o.seed, o.round) for o in told} == {(Signal.LIVE, Source.LOG, None, None)}


def test_a_flush_empties_the_counter() -> None:
    live = counter()
    assert len(count([row()], live)) == 1
    assert live.flush(NOW) == []


def test_the_whole_real_log_names_no_address() -> None:
    told = count(LOG)
    assert sum(o.count for o in told if o.provider == "beta" and o.outcome is Outcome.GOOD) == 15
    assert all("@" not in repr(o) for o in told)


@given(st.text(max_size=200), st.text(max_size=60))
def test_whatever_a_relay_says_no_address_is_kept(said: str, local: str) -> None:
    text = f"deferred (host 127.0.0.1[127.0.0.1] said: 450 4.1.1 {said} <{local}@secret.test> {said})"
    for observation in count([row(relay="127.0.0.1[127.0.0.1]:2525", status=text)]):
        assert "@" not in (observation.text or "")
        assert len(observation.text or "") <= 300
