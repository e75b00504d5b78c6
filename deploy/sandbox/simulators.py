"""The simulators' process: all relays, the mailbox providers' exchangers, the control socket."""

import asyncio
import json
import sys
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from deploy.sandbox.authority import EXPIRED
from deploy.sandbox.control import serve_control
from deploy.sandbox.dialect import API_NAMES, DIALECTS
from deploy.sandbox.dovecot import Dovecot
from deploy.sandbox.errors import UnknownFaultError
from deploy.sandbox.exchange import Exchange
from deploy.sandbox.fault import FAULTS, Fault, parse_fault
from deploy.sandbox.layout import Layout
from deploy.sandbox.mailgun_account import WEBHOOKS
from deploy.sandbox.mailgun_api import MailgunApi
from deploy.sandbox.name_server import NameServer, sandbox_zone
from deploy.sandbox.people import SEEDS
from deploy.sandbox.relay import RelaySimulator, tls_context
from deploy.sandbox.sendgrid_api import SendgridApi
from deploy.sandbox.suppression_book import BOUNCES, Entry
from deploy.sandbox.webhook import MailgunWebhooks, SendgridWebhooks, Webhooks

HOST = "host"  # the target of faults of this machine


class Simulators:
    """All relays and mailbox providers, and what the control socket can ask of them."""

    def __init__(self, layout: Layout) -> None:
        plan = json.loads(layout.plan.read_text())
        self._exchange = Exchange(layout.mail)
        self._dovecot = Dovecot(layout, plan["ports"]["imap"])
        self._relays = {
            name: RelaySimulator(
                DIALECTS[name], plan["passwords"][name], plan["ports"][name], layout.certificates, self._exchange
            )
            for name in DIALECTS
        }
        self._webhooks = self._open_apis(layout, plan["ports"], plan["keys"])
        self._names = NameServer(sandbox_zone(), plan["ports"]["dns"])
        self._host_faults: set[str] = set()

    def _open_apis(
        self, layout: Layout, ports: Mapping[str, int], keys: Mapping[str, Mapping[str, str]]
    ) -> Mapping[str, Webhooks]:
        contexts = {
            name: {
                "good": tls_context(layout.certificates / f"{server}.pem"),
                "expired": tls_context(layout.certificates / f"{server}.{EXPIRED}.pem"),
            }
            for name, server in API_NAMES.items()
        }
        mailgun, sendgrid = self._relays["mailgun"], self._relays["sendgrid"]
        self._apis = {
            "mailgun": MailgunApi(mailgun, ports["mailgun_api"], contexts["mailgun"], keys["mailgun"]),
            "sendgrid": SendgridApi(sendgrid, ports["sendgrid_api"], contexts["sendgrid"], keys["sendgrid"]),
        }
        return {
            "mailgun": MailgunWebhooks(mailgun, layout.ca_file, keys["mailgun"]["webhook_signing_key"]),
            "sendgrid": SendgridWebhooks(sendgrid, layout.ca_file, keys["sendgrid"]["webhook_private_key"]),
        }

    async def open(self) -> None:
        """Start listening on every relay's port."""
        for relay in self._relays.values():
            await relay.open()
        await self._names.open()

    async def answer(self, request: dict[str, Any]) -> dict[str, Any]:
        """Return the answer to one control request."""
        match request:
            case {"do": "fault", "target": str(target), "fault": str(name), "args": list(args), **rest}:
                fault = parse_fault(name, args, rest.get("share"))
                await self._apply(target, fault)
                return {"target": target, "fault": str(fault)}
            case {"do": "heal", "target": target, **rest}:
                await self._heal(target, rest.get("fault"))
                return {"target": target}
            case {"do": "accepted", "since": dict(since)}:
                return {name: relay.records(since.get(name, 0)) for name, relay in self._relays.items()}
            case {"do": "logins"}:
                return {name: [asdict(login) for login in relay.logins] for name, relay in self._relays.items()}
            case {"do": "webhook", "target": str(target), "url": str(url)}:
                self._point_webhooks(target, url)
                return {"target": target}
            case {"do": "calls", "target": str(target)} if target in self._apis:
                return {"calls": list(self._apis[target].seen)}
            case {"do": "posted"}:
                return {name: [asdict(a) for a in hooks.attempts] for name, hooks in self._webhooks.items()}
            case {"do": "status"}:
                return {
                    "relays": [relay.status() for relay in self._relays.values()],
                    "seeds": {n: [str(f) for f in faults] for n, faults in self._exchange.seed_faults.items()},
                    "host": sorted(self._host_faults),
                }
        raise UnknownFaultError(f"The simulators do not understand {request.get('do')!r}.")

    async def _apply(self, target: str, fault: Fault) -> None:
        of = FAULTS[fault.name].of
        if of == "host" or target == HOST:
            if (of, target) != ("host", HOST):
                of_host = ", ".join(name for name, kind in FAULTS.items() if kind.of == "host")
                raise UnknownFaultError(f"{fault.name} on {target}: the faults of {HOST} are {of_host}.")
            await self._strike_host({*self._host_faults, fault.name})
            return
        if target in self._exchange.seed_faults:
            if of != "seed":
                raise UnknownFaultError(f"{fault.name} is a fault of a relay, and {target} is a seed.")
            self._exchange.seed_faults[target].put(fault)
            if fault.name == "seed_suppressed":
                self._suppress(target)
            if fault.name == "seed_down":
                await asyncio.to_thread(self._dovecot.lock_out, SEEDS[target].address)
            return
        relays = self._relays_named(target)
        if of == "seed":
            raise UnknownFaultError(f"{fault.name} is a fault of a seed: {', '.join(SEEDS)}.")
        if of == "api" and target not in {*API_NAMES, "all"}:
            raise UnknownFaultError(f"{fault.name} is a fault of a relay with an HTTP API: {', '.join(API_NAMES)}.")
        for relay in relays:
            await relay.apply(fault)

    async def _heal(self, target: str | None, name: str | None) -> None:
        if name is not None and name not in FAULTS:
            raise UnknownFaultError(f'There is no fault "{name}"; the faults are {", ".join(FAULTS)}.')
        for seed, faults in self._exchange.seed_faults.items():
            if target in {None, seed}:
                was_down = faults.get("seed_down")
                faults.remove(name)
                self._suppress(seed)
                if was_down and not faults.get("seed_down"):
                    await asyncio.to_thread(self._dovecot.let_in, SEEDS[seed].address)
        if target in {None, HOST}:
            await self._strike_host(self._host_faults - {name} if name else set())
        if target is None or target not in {*SEEDS, HOST}:
            for relay in self._relays_named(target or "all"):
                await relay.heal(name)

    def _suppress(self, seed: str) -> None:
        """Put a seed's address on the lists of bounces that its fault names, and take it from the others."""
        fault, address = self._exchange.seed_faults[seed].get("seed_suppressed"), SEEDS[seed].address
        for name, relay in self._relays.items():
            listed = relay.suppressions.find(BOUNCES, address)
            if fault and fault.value in {None, name}:
                if listed is None:
                    reason = f"550 5.1.1 <{address}> mailbox does not exist"
                    relay.suppressions.add(BOUNCES, Entry(address=address, reason=reason, by_fault=True))
            elif listed and listed.by_fault:
                relay.suppressions.remove(BOUNCES, address)

    def _point_webhooks(self, target: str, url: str) -> None:
        """Post a provider's events to this URL from now on; to none if it is empty."""
        names = {"mailgun": WEBHOOKS, "sendgrid": ("event",)}.get(target)
        if names is None:
            raise UnknownFaultError(f"{target} has no webhooks; {', '.join(API_NAMES)} have.")
        webhooks = self._relays[target].webhooks
        webhooks.clear()
        if url:
            webhooks.update(dict.fromkeys(names, url))

    async def _strike_host(self, faults: set[str]) -> None:
        """Have these faults of this machine, and no others."""
        off, was_off = "local_net" in faults, "local_net" in self._host_faults
        self._host_faults = faults
        self._names.silent = bool(faults)
        if off is not was_off:
            for relay in self._relays.values():
                await relay.cut(off=off)
            await asyncio.to_thread(self._dovecot.stop if off else self._dovecot.start)

    def _relays_named(self, target: str) -> list[RelaySimulator]:
        if target == "all":
            return list(self._relays.values())
        if target not in self._relays:
            known = ", ".join((*self._relays, "all", *SEEDS, HOST))
            raise UnknownFaultError(f'There is no provider or seed "{target}"; there are {known}.')
        return [self._relays[target]]


async def run_simulators(layout: Layout) -> None:
    """Serve until standard input ends, which it does when the process that started this one is gone."""
    simulators = Simulators(layout)
    await simulators.open()
    server = await serve_control(layout.control, simulators.answer)
    print("ready", flush=True)
    loop = asyncio.get_running_loop()
    orphaned = asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(orphaned), sys.stdin)
    await orphaned.read()
    server.close()
