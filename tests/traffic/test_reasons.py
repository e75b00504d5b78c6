"""Addresses and ids are taken out of a reason before it is classified; that must not change its class."""

import pytest

from probes.log_reason import read_reason
from probes.traffic_reason import ReasonBook, server_in
from tests.providers import wordings
from tests.traffic.reading import NOW

TEXTS = sorted(
    {text for name in dir(wordings) if name.isupper() for text in getattr(wordings, name) if isinstance(text, str)}
)


@pytest.mark.parametrize("command", ["MAIL FROM", "RCPT TO", "end of DATA"])
def test_every_wording_has_the_class_that_the_classifier_gives_it(command):
    assert len(TEXTS) > 40
    book = ReasonBook(NOW)
    for text in TEXTS:
        reason = f"host mx.test[192.0.2.1] said: {text} (in reply to {command} command)"
        expected = read_reason(reason, dsn="5.0.0").classify(now=NOW).category.value
        assert book.class_of(reason.encode(), b"5.0.0") == expected, text


def test_a_suspension_has_the_class_of_its_cause():
    reason = b"delivery temporarily suspended: connect to a.test[192.0.2.1]:25: Connection timed out"
    assert ReasonBook(NOW).class_of(reason, b"4.4.1") == "network"
    assert server_in(reason) == "a.test:25"


def test_replies_that_differ_in_ids_are_classified_once():
    book = ReasonBook(NOW)
    for n in range(100):
        book.class_of(b"host a[192.0.2.1] said: 451 4.7.1 <u%d@b.test>: greylisted, id %012x.7" % (n, n * 97), b"4.7.1")
    assert len(book._classes) == 1
