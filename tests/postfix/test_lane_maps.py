"""Shares and lanes of receivers as text: golden files, and what is refused; no Postfix is run."""

from dataclasses import replace
from math import gcd
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from providers.base import RelayEndpoint, TlsMode
from service.decision.route import Lane, Route, Share, ShareKind, simple_route
from service.postfix.current import Current
from service.postfix.errors import InstallationError, RouteRefusedError
from service.postfix.installation import Installation, check_installation, installation_of
from service.postfix.lane_maps import draws, order_after
from service.postfix.map_list import best_table_type, split_maps
from service.postfix.plan import plan_text
from service.postfix.protocol import current_from_json, current_json
from service.postfix.render import render
from service.postfix.route_check import receivers_refused, shares_refused
from service.postfix.surroundings import Surroundings
from tests.postfix.configured import config_with_seeds
from tests.postfix.golden_text import golden_text

GOLDEN = Path(__file__).parent / "golden"


def relay(name, **more):
    return RelayEndpoint(
        host=f"smtp.{name}.example",
        server_name=f"smtp.{name}.example",
        username=f"u{name}",
        password=f"p{name}",
        **{"port": 587, "tls": TlsMode.STARTTLS, **more},
    )


INSTALLATION = Installation(
    config_dir=Path("/etc/postfix"),
    helper_dir=Path("/var/lib/relaypilot-helper"),
    log_file=None,
    providers={name: relay(name) for name in "abc"},
    receivers={"gmail": ("gmail.com", "googlemail.com"), "yahoo": ("yahoo.com", "aol.com")},
    canary_sender="probe@sender.example",
    canary_recipients=("seed@gmail.com", "seed@elsewhere.example"),
)
BY_RECEIVER = replace(INSTALLATION, routing="transport")
TYPES = frozenset({"inline", "pipemap", "randmap", "regexp", "static", "texthash", "unionmap", "lmdb", "hash"})
PLAIN = Surroundings(map_types=TYPES)


def lane(*providers, receiver="*", **shares):
    kinds = {"warm": ShareKind.WARM, "canary": ShareKind.CANARY, "overflow": ShareKind.OVERFLOW}
    return Lane(
        providers=providers,
        receiver=receiver,
        shares=tuple(
            Share(provider=provider, percent=percent, kind=kinds[kind])
            for kind, several in shares.items()
            for provider, percent in several.items()
        ),
    )


def route(*lanes):
    return Route(lanes=lanes)


SHARED = route(lane("a", "b", "c", canary={"b": 10}, warm={"c": 5}))
LANES = route(
    lane("a", "b", "c", warm={"b": 5}),
    lane("b", "a", receiver="gmail", canary={"a": 50}),
    lane("c", "a", "b", receiver="yahoo"),
)
OWN = replace(
    PLAIN,
    own={
        "transport_maps": "hash:/etc/postfix/transport",
        "sender_dependent_default_transport_maps": "hash:/etc/postfix/senders, inline:{{@x.example = smtp:[y]}}",
        "relayhost": "[smtp.corporate.example]:587",
    },
    relayhost_maps="hash:/etc/postfix/relayhosts",
    relay_domains=("branch.example",),
    left_out={"aol.com": "transport_maps has an entry for it"},
)
CASES = {
    "simple": (simple_route("b", "a"), INSTALLATION, PLAIN),
    "shares_relayhost": (SHARED, INSTALLATION, PLAIN),
    "shares_transport": (SHARED, BY_RECEIVER, PLAIN),
    "lanes_transport": (LANES, BY_RECEIVER, PLAIN),
    "lanes_beside_own_maps": (LANES, BY_RECEIVER, OWN),
    "shares_beside_own_maps": (SHARED, INSTALLATION, OWN),
}


@pytest.mark.parametrize("name", CASES)
def test_a_route_is_rendered_as_in_its_golden_file(name):
    wanted, installation, seen = CASES[name]
    text = golden_text(render(wanted, installation, 10_240_000, seen))
    assert text == (GOLDEN / f"{name}.txt").read_text()


def test_a_route_without_shares_and_lanes_needs_nothing_of_the_installation_and_adds_nothing():
    bare = golden_text(render(simple_route("b", "a"), INSTALLATION, 10_240_000))
    assert bare == (GOLDEN / "simple.txt").read_text()


def test_a_seed_of_a_domain_that_stays_out_keeps_its_way_too():
    shared = route(lane("a", "b"), lane("b", "a", receiver="gmail", canary={"a": 50}))
    files = render(shared, BY_RECEIVER, 10_240_000, PLAIN).files
    assert any("seed@gmail.com" in file.text for file in files.values())
    here = replace(PLAIN, left_out={"gmail.com": "delivered on this host"})
    files = render(shared, BY_RECEIVER, 10_240_000, here).files
    assert not any("seed@gmail.com" in file.text for file in files.values())


def test_a_lane_like_that_of_all_mail_is_not_written():
    first = lane("a", "b", warm={"b": 5})
    same = route(first, replace(first, receiver="gmail"))
    assert render(same, BY_RECEIVER, 0, PLAIN) == render(route(first), BY_RECEIVER, 0, PLAIN)


@pytest.mark.parametrize(
    ("types", "table"),
    [({"lmdb", "hash"}, "lmdb"), ({"hash"}, "hash"), (set(), "")],
)
def test_the_long_table_is_of_the_best_type_that_postfix_has(types, table):
    seen = replace(PLAIN, map_types=TYPES - {"lmdb", "hash"} | types)
    rendering = render(LANES, BY_RECEIVER, 0, seen)
    domains = next(path for path in rendering.files if "/domains-" in path)
    assert rendering.files[domains].index == table
    assert f"{table or 'texthash'}:{domains}" in rendering.settings["transport_maps"]
    assert best_table_type(seen.map_types) == (table or "texthash")


@given(st.lists(st.integers(1, 33), max_size=3))
def test_a_draw_has_exactly_the_percents_of_its_shares(percents):
    names = "abcd"[: len(percents) + 1]
    one = lane(*names, warm=dict(zip(names[1:], percents, strict=True)))
    assert list(draws(one).values()) == [100 - sum(percents), *percents]
    many = replace(INSTALLATION, providers={name: relay(name) for name in names})
    settings = render(route(one), many, 0, PLAIN).settings
    if not percents:
        assert "sender_dependent_default_transport_maps" not in settings
        return
    lots = settings["sender_dependent_default_transport_maps"].partition("randmap:{")[2].partition("}")[0].split(",")
    unit = gcd(*draws(one).values())
    assert {name: lots.count(f"*.{name}") * unit for name in names} == draws(one)
    for name in names:
        assert sorted(order_after(name, one)) == sorted(names)
        assert order_after(name, one)[0] == name


REFUSED = [
    (route(), "first lane"),
    (route(lane("a", receiver="gmail")), "first lane"),
    (route(lane("a"), lane("b")), "two lanes"),
    (route(lane("a"), lane("b", receiver="gmail"), lane("c", receiver="gmail")), "two lanes"),
    (route(lane("a"), Lane(providers=("b",), stream="bulk")), "no stream"),
    (route(lane("a"), lane("b", receiver="nobody")), r"\[receivers\]"),
    (route(lane("a"), lane(receiver="gmail")), "names no provider"),
    (route(lane("a"), lane("x", receiver="gmail")), "There is no provider"),
    (route(lane("a"), lane("b", "b", receiver="gmail")), "twice"),
    (route(lane("a", "b", warm={"a": 5})), "first choice"),
    (route(lane("a", "b", warm={"c": 5})), "first choice"),
    (route(lane("a", "b", warm={"b": 5}, overflow={"b": 5})), "two shares"),
    (route(lane("a", "b", warm={"b": 0})), "percents"),
    (route(lane("a", "b", warm={"b": -1})), "percents"),
    (route(lane("a", "b", warm={"b": 100})), "percents"),
    (route(lane("a", "b", "c", warm={"b": 50, "c": 50})), "percents"),
    (route(lane("a", "b", "c", canary={"b": 5, "c": 5})), "one canary"),
]


@pytest.mark.parametrize(("wanted", "words"), REFUSED, ids=range(len(REFUSED)))
def test_a_route_that_makes_no_sense_is_refused(wanted, words):
    with pytest.raises(RouteRefusedError, match=words):
        render(wanted, BY_RECEIVER, 0, PLAIN)


def test_ports_465_and_587_in_one_lane_are_refused_and_in_two_lanes_are_not():
    providers = {"a": relay("a"), "b": relay("b", port=465, tls=TlsMode.IMPLICIT)}
    mixed = replace(BY_RECEIVER, providers=providers)
    for wanted in (
        route(lane("a", "b")),
        route(lane("a", "b", canary={"b": 5})),
        route(lane("a"), lane("b", "a", receiver="gmail")),
    ):
        with pytest.raises(RouteRefusedError, match="port 465"):
            render(wanted, mixed, 0, PLAIN)
    render(route(lane("a"), lane("b", receiver="gmail")), mixed, 0, PLAIN)


RELAYED = {"relay_domains": ("branch.example",), "own": {"relayhost": ""}}
BY_THE_WAY = [
    ({"catch_all": "* -> smtp:[x]"}, {}, "Every domain"),
    ({"problem": "Reading hash:/x failed."}, {}, "Reading hash"),
    ({"bare_senders": "the entry @x -> y: names no nexthop"}, {}, 'routing = "transport"'),
    ({"relayhost_maps": "hash:/x", "own": {"default_transport": "smtp:[y]"}}, {}, "has had no effect"),
    ({"relayhost_maps": "hash:/x", "map_types": frozenset({"texthash"})}, {}, "pipemap, regexp, static"),
    (RELAYED, {}, "their own mail servers"),
    ({**RELAYED, "own": {"relayhost": "[x]", "relay_transport": "slow"}}, {}, "relay_transport = slow"),
]


@pytest.mark.parametrize(("seen", "more", "words"), BY_THE_WAY, ids=range(len(BY_THE_WAY)))
def test_what_the_route_would_break_or_be_broken_by_is_refused_with_the_setting(seen, more, words):
    with pytest.raises(RouteRefusedError, match=words):
        render(simple_route("a", "b"), replace(INSTALLATION, **more), 0, replace(PLAIN, **seen))


@pytest.mark.parametrize("harmless", [*BY_THE_WAY[2:4], *BY_THE_WAY[5:]], ids=range(4))
def test_with_transport_routing_what_the_administrator_sends_otherwise_stays_as_it_is(harmless):
    settings = render(simple_route("a", "b"), BY_RECEIVER, 0, replace(PLAIN, **harmless[0])).settings
    assert settings["default_transport"] == "relay-a:[smtp.a.example]:587, [smtp.b.example]:587"
    assert not {"relayhost", "relay_transport", "transport_maps"} & settings.keys()


@pytest.mark.parametrize(
    ("installation", "own", "relayed"),
    [
        (INSTALLATION, {"relayhost": "[corporate]"}, "relay-a"),
        (INSTALLATION, {"relayhost": "[corporate]", "relay_transport": "smtp:[inner]"}, None),
        (BY_RECEIVER, {"relayhost": "[corporate]"}, None),
        (BY_RECEIVER, {"relayhost": "[SMTP.b.example]:587"}, "relay-a:[smtp.a.example]:587, [smtp.b.example]:587"),
    ],
)
def test_relay_domains_that_would_reach_a_provider_get_its_service(installation, own, relayed):
    seen = replace(PLAIN, relay_domains=("branch.example",), own=own)
    assert render(simple_route("a", "b"), installation, 0, seen).settings.get("relay_transport") == relayed


def test_a_client_certificate_is_shown_by_its_own_service_or_by_all_when_it_is_the_only_one():
    def shown(**files):
        providers = {
            name: replace(relay(name), client_certificate_file=files.get(name), client_key_file=None) for name in "abc"
        }
        services = render(simple_route(*"abc"), replace(INSTALLATION, providers=providers), 0).services
        return [
            next((o.partition("=")[2] for o in line.split(" -o ") if o.startswith("smtp_tls_key_file=")), None)
            for line in services.values()
        ]

    assert shown() == [None, None, None]  # what main.cf says, as ever
    assert shown(b="/etc/b.pem") == ["/etc/b.pem"] * 3
    assert shown(a="/etc/a.pem", b="/etc/b.pem") == ["/etc/a.pem", "/etc/b.pem", ""]
    with pytest.raises(InstallationError, match="absolute"):
        check_installation(
            replace(INSTALLATION, providers={"a": replace(relay("a"), client_certificate_file="b -o x=y")})
        )


def test_an_installation_says_what_it_cannot_be_given():
    assert shares_refused(INSTALLATION, PLAIN) is None
    assert "randmap" in shares_refused(INSTALLATION, replace(PLAIN, map_types=TYPES - {"randmap"}))
    assert "Every domain" in shares_refused(INSTALLATION, replace(PLAIN, catch_all="* -> x"))
    assert 'routing = "transport"' in receivers_refused(INSTALLATION, PLAIN)
    assert receivers_refused(BY_RECEIVER, PLAIN) is None
    assert "inline" in receivers_refused(BY_RECEIVER, replace(PLAIN, map_types=TYPES - {"inline"}))
    for wanted in (SHARED, LANES):
        with pytest.raises(RouteRefusedError, match="postconf -m"):
            render(wanted, BY_RECEIVER, 0, replace(PLAIN, map_types=frozenset({"texthash"})))


def test_a_size_refusal_falls_through_only_where_every_lane_has_a_relay_that_takes_all():
    limits = {"a": 5, "b": 20, "c": 5}

    def discarded(*lanes):
        service = render(route(*lanes), replace(BY_RECEIVER, size_limits=limits), 10, PLAIN).services["relay-a/unix"]
        return "smtp_discard_ehlo_keywords=size" in service

    assert discarded(lane("a", "b"))
    assert discarded(lane("a", "b"), lane("b", receiver="gmail"))
    assert not discarded(lane("a", "b"), lane("c", "a", receiver="gmail"))


def test_lists_of_maps_are_split_outside_braces():
    assert split_maps(" hash:/a,inline:{ {k = v, w}, {x = y} } pipemap:{a:b,c:d}") == (
        "hash:/a",
        "inline:{ {k = v, w}, {x = y} }",
        "pipemap:{a:b,c:d}",
    )
    assert split_maps("") == ()


def test_receivers_are_the_well_known_ones_and_over_them_the_configured_ones():
    config = config_with_seeds().model_copy(
        update={"receivers": {"work": ("Hotmail.com.", "hotmail.com"), "gmail": ("g.example",)}}
    )
    receivers = installation_of(config, {}).receivers
    assert receivers["gmail"] == ("g.example",)
    assert receivers["work"] == ("hotmail.com",)
    assert "hotmail.com" not in receivers["microsoft"]
    assert "outlook.com" in receivers["microsoft"]


@pytest.mark.parametrize("domain", ["a b", "x\ny z", "münchen.example", "", "[192.0.2.1]", "a,b"])
def test_a_domain_that_no_table_can_hold_is_refused(domain):
    with pytest.raises(InstallationError, match="no domain"):
        check_installation(replace(INSTALLATION, receivers={"gmail": (domain,)}))


def test_what_the_helper_says_of_the_surroundings_arrives_as_it_was_said():
    current = Current(
        route=LANES, generation=3, surroundings=OWN, shares_refused="no", receivers_refused=None, running=True
    )
    assert current_from_json(current_json(current)) == current
    old = {key: value for key, value in current_json(current).items() if not key.endswith("refused")}
    assert "earlier version" in current_from_json(old).shares_refused


def test_a_plan_shows_the_maps_beside_the_administrators_and_gives_his_back():
    current = Current(
        route=None, generation=0, surroundings=OWN, settings={"relayhost": "[x]", "default_transport": ""}
    )
    text = plan_text(BY_RECEIVER, current, LANES)
    assert "-transport_maps = hash:/etc/postfix/transport\n" in text
    assert "\n+transport_maps = hash:/etc/postfix/transport, texthash:" in text
    taken = replace(current, settings=dict(render(LANES, BY_RECEIVER, 0, OWN).settings))
    back = plan_text(BY_RECEIVER, taken, simple_route("a"))
    assert "+transport_maps = hash:/etc/postfix/transport\n" in back
