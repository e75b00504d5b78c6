"""Raw clients that see what a relay or the IMAP server really answers."""

import contextlib
import smtplib
import ssl
import time
from collections.abc import Callable, Iterator
from typing import TypeVar

from imapclient import IMAPClient

from deploy.sandbox.dialect import DIALECTS
from deploy.sandbox.people import PROBE_SENDER, SEEDS
from deploy.sandbox.world import World

T = TypeVar("T")


def eventually(look: Callable[[], T], seconds: float = 10) -> T:
    """Look until there is something to see."""
    deadline = time.monotonic() + seconds
    while not (seen := look()) and time.monotonic() < deadline:
        time.sleep(0.03)
    assert seen, f"nothing seen within {seconds} s"
    return seen


@contextlib.contextmanager
def session(world: World, relay: str, *, login: bool = True, timeout: float = 5) -> Iterator[smtplib.SMTP]:
    """An SMTP session with verified TLS; the greeting is in .greeting."""
    smtp = smtplib.SMTP(timeout=timeout)
    try:
        smtp.greeting = smtp.connect("127.0.0.1", world.ports[relay])
        smtp._host = DIALECTS[relay].server_name
        if smtp.greeting[0] == 220:
            smtp.ehlo()
            smtp.starttls(context=ssl.create_default_context(cafile=str(world.ca_file)))
            smtp.ehlo()
            if login:
                smtp.login(DIALECTS[relay].username, world.password(relay))
        yield smtp
    finally:
        smtp.close()


def submit(smtp: smtplib.SMTP, recipient: str, *, sender: str = PROBE_SENDER, headers: str = "") -> tuple[int, str]:
    """Hand over one message; return the first reply that refuses it, or the last one."""
    for step in (lambda: smtp.mail(sender), lambda: smtp.rcpt(recipient)):
        code, text = step()
        if code >= 400:
            if code != 421:
                smtp.rset()
            return code, text.decode()
    content = f"From: {sender}\r\nTo: {recipient}\r\nSubject: a test\r\n{headers}\r\nHello.\r\n"
    try:
        code, text = smtp.data(content)
    except smtplib.SMTPDataError as error:
        return error.smtp_code, error.smtp_error.decode()
    return code, text.decode()


def login_reply(world: World, relay: str) -> tuple[int, str]:
    """Return what the relay answers to the right password."""
    with session(world, relay, login=False) as smtp:
        try:
            code, text = smtp.login(DIALECTS[relay].username, world.password(relay))
        except smtplib.SMTPAuthenticationError as error:
            return error.smtp_code, error.smtp_error.decode()
        return code, text.decode()


@contextlib.contextmanager
def imap(world: World, seed: str) -> Iterator[IMAPClient]:
    """An IMAP session of a seed, TLS verified by name."""
    context = ssl.create_default_context(cafile=str(world.ca_file))
    context.check_hostname = False  # IMAPClient verifies the name it connects to; the address has none
    client = IMAPClient("127.0.0.1", port=world.ports["imap"], ssl_context=context, timeout=10)
    try:
        client.login(SEEDS[seed].address, world.password(seed))
        yield client
    finally:
        client.shutdown()
