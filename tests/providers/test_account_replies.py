import re
import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st

from providers.account_replies import ACCOUNT_REPLIES, find_account_reply
from providers.reply import parse_reply
from tests.providers.wordings import NOT_THE_ACCOUNT

CODES = r"[2-5][0-9][0-9][ -]([245]\.[0-9]+\.[0-9]+ )?"


def postfix_matches(directory, lines):
    """Return, for each line, which entry Postfix's own regexp tables find; None for none."""
    table = directory / "replies"
    table.write_text("".join(f"/^{CODES}{reply.pattern}/ {reply.id}\n" for reply in ACCOUNT_REPLIES))
    asked = subprocess.run(
        ["postmap", "-q", "-", f"regexp:{table}"], input="\n".join(lines), capture_output=True, text=True, check=False
    )
    assert asked.stderr == ""
    found = dict(line.split("\t") for line in asked.stdout.splitlines())
    return [found.get(line) for line in lines]


def python_match(line):
    reply = find_account_reply(parse_reply(line).text)
    return reply and reply.id


@pytest.mark.parametrize("reply", ACCOUNT_REPLIES, ids=lambda reply: reply.id)
def test_every_entry_is_found_by_its_own_example(reply):
    assert python_match(reply.example) == reply.id


@pytest.mark.parametrize("line", NOT_THE_ACCOUNT)
def test_no_entry_speaks_about_recipient_sender_or_content(line):
    assert python_match(line) is None


def test_identifiers_are_unique():
    assert len({reply.id for reply in ACCOUNT_REPLIES}) == len(ACCOUNT_REPLIES)


@pytest.mark.parametrize("reply", ACCOUNT_REPLIES, ids=lambda reply: reply.id)
def test_patterns_use_only_what_python_and_posix_share(reply):
    assert not re.search(r"\\[a-zA-Z0-9]|\(\?|[*+?}]\?|[*+?}]\+|/|\^|\$", reply.pattern.replace("[^ ]", ""))


def test_postfix_reads_every_pattern_as_python_does(tmp_path):
    lines = [reply.example for reply in ACCOUNT_REPLIES] + list(NOT_THE_ACCOUNT)
    assert postfix_matches(tmp_path, lines) == [python_match(line) for line in lines]


def test_upper_and_lower_case_are_the_same():
    assert find_account_reply("ACCOUNT SUSPENDED").id == "account-suspended"


@given(st.text())
def test_any_text_is_taken(text):
    assert find_account_reply(text) is None or find_account_reply(text) in ACCOUNT_REPLIES
