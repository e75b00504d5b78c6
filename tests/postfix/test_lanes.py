"""Shares and lanes of receivers on a real Postfix, beside what its administrator has in main.cf."""

import json
import os
import time
from collections import Counter
from dataclasses import replace

import pytest

from service.decision.route import Lane, Route, Share, ShareKind, simple_route
from service.postfix.current import read_current
from service.postfix.durable import backdate
from service.postfix.errors import CanaryFailedError, CannotWriteError, DriftFoundError, RouteRefusedError
from tests.postfix.moving import assert_one_sentence, move
from tests.postfix.world import NAMES

RECEIVERS = {"gmail": ("gmail.test", "google.test"), "yahoo": ("yahoo.test",)}


def lanes(first="alfa", percent=50):
    """Return a route with a share in each kind of lane."""
    second, third = (name for name in NAMES if name != first)
    share = Share(provider=second, percent=percent, kind=ShareKind.CANARY)
    return Route(
        lanes=(
            Lane(providers=(first, second), shares=(share,)),
            Lane(providers=(third, second), receiver="gmail", shares=(share,)),
            Lane(providers=(third, first), receiver="yahoo"),
        )
    )


def only_shares(percent=50):
    share = Share(provider="bravo", percent=percent, kind=ShareKind.WARM)
    return Route(lanes=(Lane(providers=NAMES, shares=(share,)),))


def by_receiver(world, **changes):
    """Return the world's installation with lanes for receivers, and no canary: most tests look at the mail itself."""
    return replace(
        world.installation, **{"routing": "transport", "receivers": RECEIVERS, "canary_recipients": (), **changes}
    )


OWN_SETTINGS = (
    "transport_maps",
    "sender_dependent_default_transport_maps",
    "sender_dependent_relayhost_maps",
    "relay_transport",
    "relay_domains",
    "recipient_delimiter",
    "virtual_mailbox_domains",
    "virtual_alias_maps",
)


@pytest.fixture
def by_hand(world):
    """Edit main.cf and tables by hand; everything is taken back, and the route is alfa, bravo, carol again."""
    made = []

    def edit(*settings, **tables):
        paths = {}
        for name, rows in tables.items():
            path = world.config_dir / f"own_{name}"
            path.write_text("".join(f"{row}\n" for row in rows))
            backdate(path, time.time() - 20)
            paths[name] = f"texthash:{path}"
            made.append(path)
        texts = [setting.replace("{own}", paths.get("own", "")) for setting in settings]
        world.edit("-e", *texts)

    without_canary = replace(world.installation, canary_recipients=())
    current = read_current(world.installation)
    if current.route != simple_route(*NAMES) or current.drift:
        move(world, *NAMES, installation=without_canary, override_drift=True)
    yield edit
    world.edit("-X", *OWN_SETTINGS)
    world.edit("-e", "mydestination=")
    for path in made:
        path.unlink(missing_ok=True)
    move(world, *NAMES, installation=without_canary, override_drift=True)


def carriers(world, recipients, **how):
    sent = [world.send(recipient=recipient, **how) for recipient in recipients]
    return Counter(world.carrier_of(recipient) for recipient in sent)


def fresh(domain, count=1):
    stamp = time.monotonic_ns()
    return [f"u{stamp}-{n}@{domain}" for n in range(count)]


def test_a_route_with_shares_and_lanes_is_read_back_whole_and_its_parts_are_given_back(world):
    move(world, *NAMES, override_drift=True)
    before = world.snapshot()
    at = by_receiver(world, canary_recipients=("seed@receiver.test", "seed@gmail.test"))
    applied = move(world, installation=at, route=lanes())
    assert applied.verified
    for words in ("all other mail: A canary message was taken", "gmail: A canary", "yahoo: no seed receives"):
        assert words in applied.sentence
    current = read_current(at)
    assert (current.route, current.drift, current.outdated, current.overrides) == (lanes(), (), (), {})
    assert current.settings["relayhost"] == "[127.0.0.1]:9"  # the administrator's own again
    assert world.postconf("-h", "transport_maps").count("pipemap") == 2
    assert any(path.name.endswith(".lmdb") for path in at.owned_dir.iterdir())
    assert carriers(world, fresh("yahoo.test", 3)) == {"carol": 3}
    move(world, *NAMES)
    after = world.snapshot()
    assert after.keys() == before.keys()
    assert {path for path in after if after[path] != before[path]} <= {"main.cf"}
    assert sorted(after["main.cf"][0].splitlines()) == sorted(before["main.cf"][0].splitlines())


def test_the_draw_is_made_for_each_recipient_and_once_for_the_same_one_within_half_a_minute(by_hand, world):
    move(world, installation=by_receiver(world), route=only_shares())
    many = fresh("receiver.test", 70)
    assert set(carriers(world, many)) == {"alfa", "bravo"}  # all the same: 2 * 0.5**70
    one = fresh("receiver.test")[0]
    for _ in range(5):
        world.send(recipient=one)
    taken = {name: len(peer.received(one)) for name, peer in world.peers.items()}
    end = time.monotonic() + 15
    while sum(taken.values()) < 5 and time.monotonic() < end:
        time.sleep(0.02)
        taken = {name: len(peer.received(one)) for name, peer in world.peers.items()}
    assert sorted(taken.values()) == [0, 0, 5]  # the resolver's cache holds the last answer


def test_mail_for_domains_of_the_administrators_own_keeps_its_way(by_hand, world):
    carol = f"relay-carol:[127.0.0.1]:{world.peers['carol'].port}"
    by_hand("transport_maps={own}", own=[f"google.test {carol}", f".sub.test {carol}", f"boss@gmail.test {carol}"])
    by_hand("mydestination=local.test", "relay_domains=relayed.test")
    by_hand(f"virtual_mailbox_domains=texthash:{world.config_dir}/own_hosted", hosted=["hosted.test x"])
    by_hand(f"virtual_alias_maps=texthash:{world.config_dir}/own_aliases", aliases=["aliased.test x"])
    here = ("local.test", "hosted.test", "aliased.test")
    domains = ("gmail.test", "google.test", "mail.sub.test", *here, "in.relayed.test")
    at = by_receiver(world, receivers={"gmail": domains})
    wanted = Route(lanes=(Lane(providers=("alfa",)), Lane(providers=("bravo",), receiver="gmail")))
    move(world, installation=at, route=wanted)
    seen = read_current(at).surroundings
    assert seen.left_out == {
        "google.test": "transport_maps has an entry for it",
        "mail.sub.test": "transport_maps has an entry for it",
        **dict.fromkeys(here, "delivered on this host"),
        "in.relayed.test": "one of relay_domains",
    }
    assert seen.relay_domains == ("relayed.test",)
    recipients = ["boss@gmail.test", *fresh("gmail.test"), *fresh("google.test"), *fresh("mail.sub.test")]
    assert [next(iter(carriers(world, [one]))) for one in recipients] == ["carol", "bravo", "carol", "carol"]
    assert not [path for path in at.owned_dir.iterdir() if "local.test bravo" in path.read_text(errors="ignore")]


def test_the_administrators_senders_keep_their_way_and_all_others_are_drawn(by_hand, world):
    port = world.peers["carol"].port
    by_hand(
        f"sender_dependent_default_transport_maps=texthash:{world.config_dir}/own_senders",
        f"sender_dependent_relayhost_maps=texthash:{world.config_dir}/own_relayhosts",
        "recipient_delimiter=+",
        senders=[f"@whole.test relay-carol:[127.0.0.1]:{port}", f"one@half.test relay-carol:[127.0.0.1]:{port}"],
        relayhosts=["@elsewhere.test [127.0.0.1]:1"],
    )
    for at in (replace(world.installation, canary_recipients=()), by_receiver(world)):
        move(world, installation=at, route=only_shares())
        for sender in ("a@whole.test", "a+b@whole.test", "one@half.test", "one+tag@half.test"):
            assert carriers(world, fresh("receiver.test", 4), sender=sender) == {"carol": 4}, sender
        for sender in ("two@half.test", "", "plain@sender.test"):
            drawn = carriers(world, fresh("receiver.test", 26), sender=sender)
            assert set(drawn) == {"alfa", "bravo"}, sender  # by chance alike: 2 * 0.5**26
        line = world.line_of(world.send(sender="x@elsewhere.test"))
        assert "relay=none" in line or "127.0.0.1]:1" in line
        assert "/smtp[" in line and "relay-" not in line.partition("]:")[0]


def test_a_sender_for_whom_the_administrator_names_no_relay_after_all_takes_the_route(by_hand, world):
    names = ("sender_dependent_relayhost_maps", "sender_dependent_default_transport_maps")
    by_hand(*(f"{name}={{own}}" for name in names), own=["@dunno.test DUNNO"])
    move(world, "bravo", "alfa", installation=replace(world.installation, canary_recipients=()))
    assert carriers(world, fresh("receiver.test"), sender="x@dunno.test") == {"bravo": 1}
    by_hand(f"{names[1]}=" + world.postconf("-h", names[1]).partition(", ")[2])  # the other of the two alone
    world.command("postfix", "-c", str(world.config_dir), "reload")
    for sender in ("x@dunno.test", "y@sender.test"):
        assert carriers(world, fresh("receiver.test", 2), sender=sender) == {"bravo": 2}


def test_honouring_the_administrators_relayhosts_needs_no_shares(by_hand, world):
    by_hand("sender_dependent_relayhost_maps={own}", own=["@elsewhere.test [127.0.0.1]:1"])
    at = replace(world.installation, canary_recipients=())
    move(world, "bravo", "alfa", installation=at)
    assert carriers(world, fresh("receiver.test", 2)) == {"bravo": 2}
    assert "Connection refused" in world.line_of(world.send(sender="x@elsewhere.test"))


REFUSED = [
    ("transport_maps={own}", ["* smtp:[127.0.0.1]:1"], "Every domain"),
    ("transport_maps=static:smtp:[127.0.0.1]:1", [], "Every domain"),
    ("transport_maps=hash:/nowhere/transport", [], "/nowhere/transport"),
    ("sender_dependent_default_transport_maps={own}", ["@x.test smtp:"], "@x.test -> smtp: names no nexthop"),
    ("sender_dependent_default_transport_maps=pcre:/nowhere", [], "cannot be listed"),
]


@pytest.mark.parametrize(("setting", "rows", "words"), REFUSED, ids=range(len(REFUSED)))
def test_a_setting_that_would_beat_the_route_refuses_the_move_before_anything_is_touched(
    by_hand, world, setting, rows, words
):
    by_hand(setting, own=rows)
    before = world.snapshot()
    with pytest.raises(RouteRefusedError) as refused:
        move(world, "bravo", "alfa")
    assert words in str(refused.value)
    assert_one_sentence(refused)
    assert world.snapshot() == before
    current = read_current(world.installation)  # the route can still be read
    assert current.route == simple_route(*NAMES)
    assert words in current.shares_refused
    assert words in current.refused


def test_an_entry_that_changes_nothing_is_no_obstacle(by_hand, world):
    by_hand("transport_maps={own}", own=["* :"])
    move(world, "bravo", "alfa")
    assert carriers(world, fresh("receiver.test", 2)) == {"bravo": 2}


NAMED_INDIRECTLY = ("texthash:$config_directory/own_Ways", "${kind}:{own}", "$elsewhere, inline:{never=x}")


@pytest.mark.parametrize("maps", NAMED_INDIRECTLY)
def test_tables_named_by_way_of_other_settings_or_in_capitals_are_read_as_postfix_reads_them(by_hand, world, maps):
    path = world.config_dir / "own_Ways"
    by_hand(
        "kind=texthash",
        f"elsewhere=texthash:{path}",
        f"transport_maps={maps.replace('{own}', str(path))}",
        f"relay_domains=texthash:{path}",
        Ways=["google.test smtp:[127.0.0.1]:1", "gmail.test smtp:[127.0.0.1]:1"],
    )
    at = by_receiver(world)
    current = read_current(at)
    world.edit("-X", "kind", "elsewhere")
    assert current.refused is None
    assert set(current.surroundings.left_out) == {"google.test", "gmail.test"}
    assert current.surroundings.own["transport_maps"].startswith(maps[:4])


def test_relay_domains_reach_a_provider_with_its_login(by_hand, world):
    by_hand("relay_domains=relayed.test", "relay_transport=relay")
    move(world, "bravo", "alfa", installation=replace(world.installation, canary_recipients=()))
    assert carriers(world, fresh("relayed.test", 2)) == {"bravo": 2}
    assert world.postconf("-h", "relay_transport") == "relay-bravo"


def test_a_hand_edit_of_a_shared_setting_is_drift_and_the_administrators_part_of_it_is_kept(by_hand, world):
    at = by_receiver(world)
    move(world, installation=at, route=lanes())
    ours = world.postconf("-h", "transport_maps")
    by_hand(f"transport_maps={{own}}, {ours}", own=["special.test relay-bravo:[127.0.0.1]:1"])
    current = read_current(at)
    assert [one.name for one in current.drift] == ["transport_maps"]
    assert current.route == simple_route("alfa", "bravo")  # what is certain
    with pytest.raises(DriftFoundError):
        move(world, installation=at, route=lanes("bravo"))
    move(world, installation=at, route=lanes("bravo"), override_drift=True)
    assert world.postconf("-h", "transport_maps").startswith(f"texthash:{world.config_dir}/own_own, ")
    assert read_current(at).route == lanes("bravo")


def test_what_an_earlier_version_took_over_is_given_back_from_the_originals(by_hand, world):
    record = world.installation.helper_dir / "state.json"
    values = json.loads(record.read_text())
    del values["own"], values["lookups"]  # as before they were recorded
    record.write_text(json.dumps(values))
    move(world, installation=by_receiver(world), route=lanes())
    assert world.postconf("-h", "relayhost") == "[127.0.0.1]:9"


@pytest.mark.parametrize("kind", ["lanes", "domains", "index"])
def test_a_hand_edit_of_a_table_is_drift(by_hand, world, kind):
    at = by_receiver(world)
    move(world, installation=at, route=lanes())
    name = "domains" if kind == "index" else kind
    path = next(path for path in at.owned_dir.glob(f"{name}-*") if (path.suffix == ".lmdb") == (kind == "index"))
    text = path.read_bytes()
    path.write_text("gmail.test evil:[evil.test]\n") if kind != "index" else path.unlink()
    try:
        assert [one.kind for one in read_current(at).drift] == ["file"]
    finally:
        path.write_bytes(text)
        path.chmod(0o644)


def test_a_lane_whose_first_choice_takes_no_mail_undoes_the_move_and_an_unchanged_lane_does_not(by_hand, world):
    at = by_receiver(world, canary_recipients=("seed@gmail.test", "seed@receiver.test"))
    move(world, installation=at, route=lanes())
    before = world.snapshot()
    world.peers["bravo"].replies["MAIL"] = "451 4.3.0 Try later"
    first, gmail, yahoo = lanes().lanes
    with pytest.raises(CanaryFailedError, match="Try later"):
        move(world, installation=at, route=Route(lanes=(first, replace(gmail, providers=("bravo",), shares=()), yahoo)))
    assert world.snapshot() == before
    world.heal()
    world.peers["alfa"].replies["MAIL"] = "451 4.3.0 Try later"  # the first choice for all other mail
    applied = move(world, installation=at, route=Route(lanes=(first, replace(gmail, shares=()), yahoo)))
    assert applied.verified


def test_a_change_of_the_administrators_domains_makes_the_route_outdated_and_the_next_move_mends_it(by_hand, world):
    at = by_receiver(world)
    move(world, installation=at, route=lanes())
    by_hand("mydestination=gmail.test")
    current = read_current(at)
    assert current.drift == ()
    assert any("domains-" in name for name in current.outdated)
    move(world, installation=at, route=lanes())
    assert read_current(at).outdated == ()
    assert world.command("postmap", "-q", "gmail.test", *_domain_maps(at), check=False).stdout == ""


def _domain_maps(at):
    return [f"lmdb:{path}" for path in at.owned_dir.glob("domains-*") if path.suffix != ".lmdb"]


def test_a_hundred_thousand_domains_are_written_and_answered(by_hand, world):
    domains = tuple(f"d{n}.example.test" for n in range(100_000))
    at = by_receiver(world, receivers={"gmail": domains})
    wanted = Route(lanes=(Lane(providers=("alfa",)), Lane(providers=("bravo", "alfa"), receiver="gmail")))
    move(world, installation=at, route=wanted)
    assert carriers(world, [*fresh("d0.example.test"), *fresh("d99999.example.test")]) == {"bravo": 2}
    current = read_current(at)
    assert (current.route, current.drift, current.outdated) == (wanted, (), ())
    assert sum(map(len, current.files.values())) < 100_000


@pytest.mark.parametrize("kind", ["hash", "texthash"])
def test_a_postfix_without_lmdb_gets_the_next_best_table(by_hand, world, kind):
    gone = "lmdb" if kind == "hash" else "lmdb|hash"
    place = world.root / f"only-{kind}"
    place.mkdir()
    postconf = place / "postconf"
    postconf.write_text(
        f'#!/bin/sh\n[ "$3" = -m ] || exec /usr/sbin/postconf "$@"\n/usr/sbin/postconf -m | grep -vxE "{gone}"\n'
    )
    postconf.chmod(0o755)
    at = by_receiver(world, search_path=f"{place}:{os.environ['PATH']}")
    move(world, installation=at, route=lanes())
    assert f"pipemap:{{{kind}:{at.owned_dir}/domains-" in world.postconf("-h", "transport_maps")
    assert len(list(at.owned_dir.glob("domains-*.db"))) == (kind == "hash")
    assert carriers(world, fresh("yahoo.test", 3)) == {"carol": 3}
    assert read_current(at).drift == ()


def test_a_table_that_cannot_be_indexed_leaves_postfix_as_it_was(by_hand, world, tmp_path):
    for name in ("postconf", "postfix", "postqueue", "sendmail"):
        (tmp_path / name).symlink_to(f"/usr/sbin/{name}")
    broken = tmp_path / "postmap"
    broken.write_text("#!/bin/sh\necho 'postmap: fatal: no space left' >&2; exit 1\n")
    broken.chmod(0o755)
    before = world.snapshot()
    at = by_receiver(world, search_path=f"{tmp_path}:{os.environ['PATH']}")
    with pytest.raises(CannotWriteError, match="no space left"):
        move(world, installation=at, route=lanes())
    assert world.snapshot() == before
