"""What a route looks like in Postfix, as text; no Postfix is run."""

import os
import re
from dataclasses import replace
from pathlib import Path

import pytest

from providers.account_replies import ACCOUNT_REPLIES
from providers.base import RelayEndpoint, TlsMode
from service.decision.route import simple_route
from service.postfix.durable import backdate
from service.postfix.errors import InstallationError
from service.postfix.installation import Installation, check_installation
from service.postfix.log_tail import LogTail
from service.postfix.nexthop import nexthop_list, providers_of, same_relay, split_nexthops
from service.postfix.render import render
from service.postfix.staging import check_tables
from service.postfix.steps import STEPS
from service.postfix.textdiff import masked

A = RelayEndpoint(
    host="smtp.a.example", port=587, tls=TlsMode.STARTTLS, server_name="smtp.a.example", username="ua", password="pa"
)
B = replace(A, host="smtp.b.example", server_name="smtp.b.example", username="ub", password="pb: with #signs")
INSTALLATION = Installation(
    config_dir=Path("/etc/postfix"),
    helper_dir=Path("/var/lib/relaypilot-helper"),
    log_file=None,
    providers={"a": A, "b": B},
    authorities={"b": "-----BEGIN CERTIFICATE-----\n"},
    connect_timeout_seconds=2.5,
)


def rendered(*names, installation=INSTALLATION, message_size_limit=10_240_000):
    return render(simple_route(*names), installation, message_size_limit)


def options(service):
    return dict(option.split("=", 1) for option in service.split(" -o ")[1:])


def test_the_route_is_relayhost_and_default_transport():
    settings = rendered("b", "a").settings
    assert settings["relayhost"] == "[smtp.b.example]:587, [smtp.a.example]:587"
    assert settings["default_transport"] == "relay-b"


def test_every_service_carries_all_logins_and_policies_and_inherits_nothing_that_matters():
    rendering = rendered("a")
    files = {Path(path).name: file for path, file in rendering.files.items()}
    assert files["sasl"].mode == 0o600
    assert files["sasl"].text.splitlines()[1:] == [
        "[smtp.a.example]:587 ua:pa",
        "[smtp.b.example]:587 ub:pb: with #signs",
    ]
    assert files["tls_policy"].text.splitlines()[1:] == [
        "[smtp.a.example]:587 secure match=smtp.a.example servername=smtp.a.example",
        "[smtp.b.example]:587 secure match=smtp.b.example servername=smtp.b.example"
        " tafile=/etc/postfix/relaypilot/ca-b.pem",
    ]
    assert set(rendering.services) == {"relay-a/unix", "relay-b/unix"}
    for line in rendering.services.values():
        assert line.split()[1:8] == ["unix", "-", "-", "n", "-", "-", "smtp"]
        given = options(line)
        for name, value in {
            "smtp_sender_dependent_authentication": "no",
            "smtp_sasl_auth_soft_bounce": "yes",
            "smtp_fallback_relay": "",
            "smtp_tls_wrappermode": "no",
            "smtp_tls_security_level": "secure",
            "smtp_connect_timeout": "3s",
        }.items():
            assert given[name] == value
        assert not [value for value in given.values() if " " in value]


def test_postfix_reads_the_tables_as_written_whatever_the_case_of_a_host(tmp_path):
    upper = replace(A, host="SMTP.A.Example", password='Two  Blanks $x \\ "q" ü')
    installation = replace(
        INSTALLATION, config_dir=tmp_path, providers={"a": upper, "b": B}, search_path=os.environ["PATH"]
    )
    rendering = rendered("a", installation=installation)
    (tmp_path / "relaypilot").mkdir()
    (tmp_path / "main.cf").write_text("compatibility_level = 3.6\n")
    for path, file in rendering.files.items():
        Path(path).write_text(file.text)
        backdate(Path(path), 1.0)
    check_tables(installation, rendering)


def test_implicit_tls_is_wrapper_mode():
    implicit = replace(A, port=465, tls=TlsMode.IMPLICIT)
    service = rendered("a", installation=replace(INSTALLATION, providers={"a": implicit, "b": B})).services
    assert options(service["relay-a/unix"])["smtp_tls_wrappermode"] == "yes"
    assert options(service["relay-b/unix"])["smtp_tls_wrappermode"] == "no"


def test_size_falls_through_only_where_some_relay_takes_every_message():
    def discarded(limit, **limits):
        installation = replace(INSTALLATION, size_limits=limits)
        line = rendered("a", "b", installation=installation, message_size_limit=limit).services["relay-a/unix"]
        return options(line)["smtp_discard_ehlo_keywords"]

    assert discarded(10, a=5, b=20) == "size"
    assert discarded(10, a=5, b=9) == ""
    assert discarded(0, a=5, b=20) == ""
    assert discarded(10) == ""


def test_no_repr_shows_a_password():
    assert "pa" not in repr(rendered("a").files)
    assert "with #signs" not in repr(INSTALLATION)


def test_a_masked_login_table_shows_the_nexthops_alone():
    text = next(file.text for path, file in rendered("a").files.items() if path.endswith("/sasl"))
    assert masked("/x/sasl", text).splitlines()[1:] == [
        "[smtp.a.example]:587 ********",
        "[smtp.b.example]:587 ********",
    ]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"password": "two\nlines"}, "line end"),
        ({"password": " padded"}, "blank"),
        ({"password": ""}, "empty"),
        ({"username": "with:colon"}, "colon"),
        ({"username": None}, "go together"),
        ({"host": "host name"}, "no host name"),
        ({"host": "a]:25, [evil"}, "no host name"),
        ({"server_name": "192.0.2.1"}, "not addresses"),
        ({"server_name": "a b"}, "not addresses"),
    ],
)
def test_what_postfix_could_not_hold_is_refused(change, words):
    installation = replace(INSTALLATION, providers={"a": replace(A, **change)})
    with pytest.raises(InstallationError, match=words) as error:
        check_installation(installation)
    assert str(change.get("password") or "-") not in str(error.value)


def test_a_directory_with_special_characters_is_refused():
    with pytest.raises(InstallationError):
        check_installation(replace(INSTALLATION, config_dir=Path("/etc/post fix")))


def test_nexthops_are_read_back_as_providers():
    endpoints = {"a": A, "b": B}
    known = {at.nexthop.lower(): name for name, at in endpoints.items()}
    assert providers_of(nexthop_list(("b", "a"), endpoints), known) == ("b", "a")
    assert providers_of("[SMTP.A.example]:587 [smtp.b.example]:587", known) == ("a", "b")
    assert providers_of("[smtp.a.example]:25", known) is None
    assert providers_of("", known) is None
    assert split_nexthops(" [a]:1,[b]:2 ") == ("[a]:1", "[b]:2")
    assert same_relay("[SMTP.a.example]:587", "smtp.a.example", 587)
    assert not same_relay("[smtp.a.example]:587", "smtp.a.example", 25)
    assert not same_relay("[smtp.a.example]:587", None, None)


def test_every_pattern_is_one_that_a_regexp_table_can_hold():
    for reply in ACCOUNT_REPLIES:
        assert "/" not in reply.pattern, reply.id
        assert re.search(reply.pattern, reply.example, re.IGNORECASE), reply.id


def test_the_steps_are_those_of_one_run():
    assert len(set(STEPS)) == len(STEPS)
    assert STEPS.index("intent") < STEPS.index("commit-files") < STEPS.index("commit-settings") < STEPS.index("reload")


def test_a_log_is_followed_through_its_rotation(tmp_path):
    log = tmp_path / "mail.log"
    log.write_text("old\n")
    tail = LogTail(log)
    with log.open("a") as file:
        file.write("one\ntw")
    assert tail.lines() == ["one"]
    with log.open("a") as file:
        file.write("o\n")
    log.rename(tmp_path / "mail.log.1")
    with (tmp_path / "mail.log.1").open("a") as file:
        file.write("three\n")
    assert tail.lines() == ["two", "three"]
    log.write_text("four\n")
    assert tail.lines() == ["four"]
    tail.close()
