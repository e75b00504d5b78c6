import pytest
from hypothesis import given
from hypothesis import strategies as st

from probes.errors import ProbeError
from probes.token import TOKEN_LENGTH, find_tokens, make_token, token_id
from tests.probes.world import SECRET


def token(**changes: str) -> tuple[str, str]:
    names = {"round_id": "r1", "provider": "alpha", "seed": "s1"} | changes
    identity = token_id(SECRET, **names)
    return identity, make_token(SECRET, identity)


def test_a_token_is_found_wherever_it_stands_and_however_it_is_written() -> None:
    identity, text = token()
    assert len(text) == TOKEN_LENGTH
    assert set(text) <= set("abcdefghijklmnopqrstuvwxyz234567-")
    for around in ("{}", "Re: ({})", "<{}@sender.test>", "x {}\r\ny", '"{}"'):
        assert find_tokens(SECRET, around.format(text)) == {identity}
        assert find_tokens(SECRET, around.format(text.upper())) == {identity}


def test_each_round_provider_and_seed_has_its_own_and_none_shows_its_name() -> None:
    tokens = {token(**changes)[1] for changes in ({}, {"round_id": "r2"}, {"provider": "beta"}, {"seed": "s2"})}
    assert len(tokens) == 4
    assert token()[1] == token()[1]
    assert not any("alpha" in text for text in tokens)


def test_a_forged_or_foreign_token_is_not_ours() -> None:
    identity, text = token()
    forged = f"{identity}-{'a' * 16}"
    foreign = make_token(b"another secret of enough length", identity)
    assert find_tokens(SECRET, f"{forged} {foreign} x{text} {text}y") == frozenset()


@given(st.text())
def test_no_text_at_all_holds_a_valid_token(text: str) -> None:
    assert find_tokens(SECRET, text) == frozenset()


def test_a_short_secret_is_refused() -> None:
    with pytest.raises(ProbeError, match="at least 16 bytes"):
        token_id(b"short", round_id="r", provider="p", seed="s")
