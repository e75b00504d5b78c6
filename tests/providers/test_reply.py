import pytest
from hypothesis import given
from hypothesis import strategies as st

from providers.reply import Reply, ReplyClass, make_reply, parse_reply, provider_message_id


@pytest.mark.parametrize(
    ("line", "reply"),
    [
        ("250 Ok", Reply(code=250, text="Ok")),
        ("250", Reply(code=250)),
        ("250 2.0.0", Reply(code=250, enhanced="2.0.0")),
        ("550 5.7.1 Account suspended", Reply(code=550, enhanced="5.7.1", text="Account suspended")),
        ("550 5.7.1234 no code", Reply(code=550, text="5.7.1234 no code")),
        ("550 5.7.1: colon", Reply(code=550, text="5.7.1: colon")),
        (
            "550-5.7.26 This mail is\r\n550-5.7.26 unauthenticated\r\n550 5.7.26  gsmtp",
            Reply(code=550, enhanced="5.7.26", text="This mail is unauthenticated gsmtp"),
        ),
        (
            "550-5.1.1 The account that 550-5.1.1 you tried to reach 550 5.1.1 does not exist",
            Reply(code=550, enhanced="5.1.1", text="The account that you tried to reach does not exist"),
        ),
        ("421-closing\r\n421 4.3.2 soon", Reply(code=421, enhanced="4.3.2", text="closing soon")),
        ("250-strange\r\n421 last line counts", Reply(code=421, text="strange last line counts")),
        ("550 5.7.1 one\r\n", Reply(code=550, enhanced="5.7.1", text="one")),
        ("550 \x1b[31mred\x00\x85\u2028text", Reply(code=550, text="[31mred text")),
    ],
)
def test_a_reply_is_read_in_its_parts(line, reply):
    assert parse_reply(line) == reply


@pytest.mark.parametrize("line", ["", "hello", "99 x", "600 x", "1000 x", "25", "250x", "-1", "250 ok\r\nnonsense"])
def test_what_is_no_reply_is_none(line):
    assert parse_reply(line) is None


@pytest.mark.parametrize("code", [-1, 0, 99, 199, 600, 10**20])
def test_codes_outside_the_protocol_are_garbage(code):
    assert make_reply(code, "text") is None


def test_only_4yz_is_temporary():
    assert Reply(code=450).temporary
    assert [Reply(code=code).temporary for code in (250, 354, 550)] == [False, False, False]
    assert Reply(code=354).reply_class is ReplyClass.INTERMEDIATE


@pytest.mark.parametrize(
    ("text", "identifier"),
    [
        ("Ok: queued as Zm9v-YmFy_1", "Zm9v-YmFy_1"),
        ("2.0.0 Ok: queued as 3CB2B113CB6", "3CB2B113CB6"),
        ("OK: queued as <202611231800.123@smtp-relay.example.com>", "202611231800.123@smtp-relay.example.com"),
        ("Great success <20261123.1@mg.example.org>", "20261123.1@mg.example.org"),
        ("OK id=1abCde-0001xY-2f", "1abCde-0001xY-2f"),
        ("Ok 0102018f0e2a4b6c-11111111-2222-3333-4444-555555555555-000000", "0102018f0e2a4b6c-11111111-2222-3333-4444-"
         "555555555555-000000"),
        ("Great success", None),
        ("Ok", None),
        ("", None),
    ],
)  # fmt: skip
def test_the_message_id_is_taken_from_the_acceptance(text, identifier):
    assert provider_message_id(text) == identifier


@given(st.integers(), st.text())
def test_any_code_and_message_make_a_printable_reply_or_none(code, message):
    reply = make_reply(code, message)
    if reply is not None:
        assert 200 <= reply.code <= 599
        assert "\n" not in reply.text
        assert "\x1b" not in reply.text
        reply.text.encode("utf-8")


@given(st.text())
def test_any_text_is_read_without_error(text):
    parse_reply(text)
    provider_message_id(text)
