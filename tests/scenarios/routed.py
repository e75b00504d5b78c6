"""A world whose root helper alone runs: routes are asked of it as the daemon does, and mail is followed by the log."""

import contextlib
import itertools
import re
import smtplib
import time
import uuid
from math import comb

from deploy.sandbox.dialect import DIALECTS
from deploy.sandbox.people import LIVE_SENDER, live_users
from deploy.sandbox.world import World
from service.decision.route import Lane, Route, Share, ShareKind
from service.postfix.client import HelperClient
from service.postfix.errors import HelperError
from tests.scenarios.settings import quick

A, B, C = tuple(DIALECTS)
FALSE_ALARM = 1e-7  # of one comparison; a test makes fewer than ten
_TOOK = re.compile(r"\]: (?P<queue_id>\w+): to=<[^>]*>.* relay=[^,]*:(?P<port>\d+), .*status=sent")


def lane(*providers, receiver="*", kind=ShareKind.CANARY, **shares):
    """Return a lane; `shares` are percents by provider."""
    drawn = tuple(Share(provider=name, percent=percent, kind=kind) for name, percent in shares.items())
    return Lane(providers=providers, receiver=receiver, shares=drawn)


def within_chance(count, of, percent):
    """Return whether so many of so many may be this percentage: the binomial tail beyond is above FALSE_ALARM."""
    p = percent / 100
    chances = [comb(of, k) * p**k * (1 - p) ** (of - k) for k in range(of + 1)]
    return min(sum(chances[: count + 1]), sum(chances[count:])) > FALSE_ALARM / 2


class Routed:
    """The world and its helper."""

    def __init__(self, world):
        self.world = world
        self.helper = HelperClient(world.directory / "helper.sock")
        self._ports = {str(world.ports[name]): name for name in DIALECTS}

    @classmethod
    @contextlib.contextmanager
    def temporary(cls, routing):
        settings = quick(top={"routing": routing})
        with World.temporary(seeds=["gmail-1", "yahoo-1"], settings=settings) as world:
            world.start_helper()
            routed = cls(world)
            routed.until(routed.answers, "the helper answers")
            yield routed

    def answers(self):
        with contextlib.suppress(HelperError):
            self.helper.ping()
            return True
        return False

    def until(self, true, what, within=30):
        end = time.monotonic() + within
        while not (found := true()):
            assert time.monotonic() < end, f"not within {within} s: {what}\n{self.world.postfix.log_text()[-3000:]}"
            time.sleep(0.05)
        return found

    def apply(self, *lanes):
        """Bring these lanes into force."""
        return self.helper.apply(uuid.uuid4().hex, self.helper.current().generation, Route(lanes=lanes))

    def send(self, count, receiver=None):
        """Hand so many messages to Postfix, none to the same recipient as the one before; return them."""
        users = [user for user in live_users() if receiver is None or user.endswith(f"@{receiver}.test")]
        with smtplib.SMTP("127.0.0.1", self.world.ports["smtp"], timeout=20) as connection:
            return [
                self.world.ledger.inject(connection, LIVE_SENDER, user, "A report", {}, "All is well.\n")
                for user in itertools.islice(itertools.cycle(users), count)
            ]

    def carriers(self, messages):
        """Return which provider took each of these messages, in their order; every one has arrived, none bounced."""

        def took():
            log = self.world.postfix.log_text()
            found = {match["queue_id"]: self._ports[match["port"]] for match in _TOOK.finditer(log)}
            return found if all(message.queue_id in found for message in messages) else None

        found = self.until(took, "every message is taken by a provider")
        self.arrived(messages)
        return [found[message.queue_id] for message in messages]

    def arrived(self, messages):
        wanted = {message.id for message in messages}

        def there():
            fates = [fate for fate in self.world.ledger.fates() if fate.sent.id in wanted]
            assert not any(fate.bounced for fate in fates), "a message bounced"
            return all(fate.place == "inbox" for fate in fates)

        self.until(there, "every message is in its mailbox")

    def tagged(self, provider, messages):
        """Return how many of these messages the provider's own service delivered: they were drawn for it."""
        queue_ids = {message.queue_id for message in messages}
        pattern = re.compile(rf"/relay-{provider}/smtp\[\d+\]: (\w+): to=<.*status=sent")
        return len(queue_ids & set(pattern.findall(self.world.postfix.log_text())))
