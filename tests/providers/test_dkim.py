"""Signing with the domain's own key, judged by dkimpy's verifier with keys from memory instead of DNS."""

import base64
import logging
import subprocess
from datetime import UTC, datetime

import dkim
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from probes.message import build_probe
from providers.dkim import DkimSigner, check_key
from providers.errors import DkimKeyError

AT = datetime(2026, 11, 23, 20, 0, tzinfo=UTC)
PEM, PKCS8 = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
OPEN = serialization.NoEncryption()


def pem_of(key, form=PKCS8, encryption=OPEN):
    return key.private_bytes(PEM, form, encryption).decode()


@pytest.fixture(scope="module")
def rsa_key():
    return rsa.generate_private_key(65537, 2048)


@pytest.fixture(scope="module")
def ed_key():
    return ed25519.Ed25519PrivateKey.generate()


def record_of(key):
    public = key.public_key()
    if isinstance(key, rsa.RSAPrivateKey):
        der = public.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
        return b"v=DKIM1; k=rsa; p=" + base64.b64encode(der)
    return b"v=DKIM1; k=ed25519; p=" + base64.b64encode(public.public_bytes_raw())


def verified(content, key, name=b"mail2026._domainkey.example.org."):
    records = {name: record_of(key)}
    return dkim.verify(content, dnsfunc=lambda asked, timeout=5: records.get(asked), logger=logging.getLogger("dkim"))


def probe(token="abc", provider_seed="s@seed.test"):
    return build_probe(sender="probe@example.org", recipient=provider_seed, token=token, round_id="r1", now=AT).content


def sign(content, key, **changes):
    settings = {"domain": "example.org", "selector": "mail2026", "key": key} | changes
    return DkimSigner(**settings).sign(content, AT)


def tags_of(signed):
    header = signed.partition(b"\r\nDate:")[0].replace(b"\r\n", b"").decode()
    return dict(tag.strip().split("=", 1) for tag in header.partition(":")[2].split(";"))


@pytest.mark.parametrize("form", [PKCS8, serialization.PrivateFormat.TraditionalOpenSSL])
def test_an_rsa_key_signs_what_the_verifier_accepts(rsa_key, form):
    signed = sign(probe(), pem_of(rsa_key, form))
    assert verified(signed, rsa_key)
    tags = tags_of(signed)
    assert (tags["a"], tags["c"], tags["d"], tags["s"]) == ("rsa-sha256", "relaxed/relaxed", "example.org", "mail2026")


def test_an_ed25519_key_signs_in_both_of_its_forms(ed_key):
    seed = base64.b64encode(ed_key.private_bytes_raw()).decode()
    for text in (pem_of(ed_key), seed, f"{seed}\n"):
        signed = sign(probe(), text)
        assert verified(signed, ed_key)
        assert tags_of(signed)["a"] == "ed25519-sha256"


def test_the_fields_that_a_reader_sees_are_signed_and_from_once_more(rsa_key):
    signed = sign(probe(), pem_of(rsa_key))
    fields = [name.strip() for name in tags_of(signed)["h"].split(":")]
    assert fields == [
        *("from", "from", "to", "subject", "date", "message-id", "mime-version", "content-type"),
        *("content-transfer-encoding", "auto-submitted"),
    ]
    assert not verified(b"From: <evil@example.net>\r\n" + signed, rsa_key)
    assert verified(b"X-Relay: added\r\nReceived: from here\r\n" + signed, rsa_key)
    for was, becomes in (
        (b"Subject: ", b"Subject: Re: "),
        (b"To: <s@", b"To: <t@"),
        (b"Auto-Submitted: auto", b"Auto-Submitted: no"),
        (b"Reference: ", b"Reference! "),
    ):
        assert was in signed
        assert not verified(signed.replace(was, becomes), rsa_key)


def test_a_missing_field_is_not_promised(rsa_key):
    signed = sign(b"Date: x\r\nFrom: <a@example.org>\r\n\r\nhello\r\n", pem_of(rsa_key))
    assert tags_of(signed)["h"].replace(" ", "") == "from:from:date"
    assert verified(signed, rsa_key)


def test_the_signature_is_dated_by_the_round_and_the_same_for_all_of_it(rsa_key):
    key = pem_of(rsa_key)
    assert tags_of(sign(probe(), key))["t"] == str(int(AT.timestamp()))
    assert sign(probe(), key) == sign(probe(), key)
    one, other = tags_of(sign(probe("abc"), key)), tags_of(sign(probe("xyz"), key))
    assert {name for name in one if one[name] != other[name]} == {"b", "bh"}  # the token stands in Subject and body


def test_lines_stay_short_and_the_message_follows_untouched(rsa_key):
    signed = sign(probe(), pem_of(rsa_key))
    assert signed.endswith(probe())
    header = signed[: -len(probe())]
    assert header.startswith(b"DKIM-Signature: ")
    assert max(map(len, header.split(b"\r\n"))) < 80
    assert header.endswith(b"\r\n")
    assert b"\r\n\r\n" not in header


def test_what_is_no_key_is_told_without_showing_it(rsa_key):
    wrong = {
        "hunter2": "neither PEM nor 32 bytes",
        pem_of(ec.generate_private_key(ec.SECP256R1())): "neither RSA nor Ed25519",
        pem_of(rsa_key, PKCS8, serialization.BestAvailableEncryption(b"hunter2")): "has a pass phrase",
        "-----BEGIN PRIVATE KEY-----\nhunter2\n-----END PRIVATE KEY-----": "holds no private key",
        base64.b64encode(b"hunter2").decode(): "neither PEM nor 32 bytes",
    }
    for text, words in wrong.items():
        with pytest.raises(DkimKeyError, match=words) as caught:
            check_key(text)
        assert "hunter2" not in str(caught.value)
        assert "; " in str(caught.value)
    signer = DkimSigner(domain="example.org", selector="s", key=pem_of(rsa_key))
    assert "PRIVATE" not in repr(signer)


def test_a_key_too_short_for_receivers_is_refused():
    made = subprocess.run(["openssl", "genrsa", "-traditional", "768"], capture_output=True, text=True, check=True)
    with pytest.raises(DkimKeyError, match=r"768 bits.*make one of 2048"):
        check_key(made.stdout)
