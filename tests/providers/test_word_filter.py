"""Leaving out patterns by their words never leaves out one that matches."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from providers.account_replies import ACCOUNT_REPLIES
from providers.mailgun import MailgunProvider
from providers.registry import known_kinds, load
from providers.text_rules import COMMON
from providers.word_filter import WordFilter, needed_words
from tests.providers import wordings

PATTERNS = [reply.pattern for reply in ACCOUNT_REPLIES] + [
    rule.pattern for table in (COMMON, *(load(kind).reply_rules for kind in known_kinds())) for rule in table
]
FILTER = WordFilter(PATTERNS)
COMPILED = [re.compile(pattern, re.IGNORECASE) for pattern in PATTERNS]
EXAMPLES = [reply.example for reply in ACCOUNT_REPLIES]
EXAMPLES += [line if isinstance(line, str) else line[0] for name in vars(wordings) if name.isupper()
             for line in getattr(wordings, name)]  # fmt: skip


def assert_nothing_is_lost(text):
    matching = [n for n, pattern in enumerate(COMPILED) if pattern.search(text)]
    candidates = list(FILTER.candidates(text))
    assert candidates == sorted(set(candidates))
    assert set(matching) <= set(candidates)


@pytest.mark.parametrize("change", [str, str.upper, str.title, str.swapcase])
def test_no_real_wording_loses_a_pattern(change):
    for text in EXAMPLES:
        assert_nothing_is_lost(change(text))


@given(st.sampled_from(PATTERNS).flatmap(lambda pattern: st.from_regex(re.compile(pattern, re.IGNORECASE))))
def test_no_text_made_from_a_pattern_loses_it(text):
    assert_nothing_is_lost(text)


@given(st.text())
def test_no_other_text_loses_one(text):
    assert_nothing_is_lost(text)


def test_most_patterns_are_left_out():
    left = sum(len(list(FILTER.candidates(text))) for text in EXAMPLES)
    assert left < len(EXAMPLES) * len(PATTERNS) / 5


@pytest.mark.parametrize(
    ("pattern", "words"),
    [
        ("Suspended", {"suspended"}),
        ("a{3,}bcd", {"bcd"}),
        ("(over|above) ?limit", {"limit"}),
        ("(quota|credits)\\b.{0,9}x", {"quota", "credits"}),
        ("(quota|.)", set()),
        ("(quota)?", set()),
        ("(quota)+", {"quota"}),
        ("", set()),
    ],
)
def test_the_words_that_a_match_cannot_do_without(pattern, words):
    assert needed_words(pattern) == words


def test_a_letter_beyond_ascii_that_matches_an_ascii_one_is_no_trap():
    assert COMPILED[PATTERNS.index(MailgunProvider.reply_rules[0].pattern)].search("requests-per-sec limit exceeded")
    assert_nothing_is_lost("reque\u017ft\u017f-per-\u017fec limit exceeded")
