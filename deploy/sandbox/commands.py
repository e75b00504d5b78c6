"""The sandbox's command line."""

import argparse
import asyncio
import importlib
import json
import os
import signal
import sys
import threading
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import asdict
from pathlib import Path
from types import FrameType

from deploy.sandbox.dialect import API_NAMES, DIALECTS
from deploy.sandbox.errors import SandboxError
from deploy.sandbox.fault import FAULTS
from deploy.sandbox.layout import Layout
from deploy.sandbox.people import SEEDS, live_users
from deploy.sandbox.simulators import HOST, run_simulators
from deploy.sandbox.world import DEFAULT_DIRECTORY, World, attach, end_leftovers


def main(argv: Sequence[str] | None = None) -> int:
    """Run one sandbox command and return its exit code."""
    words = list(sys.argv[1:] if argv is None else argv)
    if words[:1] == ["demo"]:  # reads its own arguments
        return int(importlib.import_module("deploy.sandbox.demo").main(words[1:]))
    options = _parser().parse_args(words)
    try:
        return int(options.run(options))
    except SandboxError as error:
        print(f"sandbox: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m deploy.sandbox",
        description="Three faulty relays, seed inboxes, "
        "a real Postfix and its mail, all on loopback and in one directory.",
    )
    verbs = parser.add_subparsers(required=True, metavar="COMMAND")

    def verb(name: str, run: object, says: str) -> argparse.ArgumentParser:
        one = verbs.add_parser(name, help=says, description=says)
        one.add_argument("--dir", type=Path, default=DEFAULT_DIRECTORY, help=f"where it lives [{DEFAULT_DIRECTORY}]")
        one.set_defaults(run=run)
        return one

    start = verb("start", _start, "start a fresh sandbox and stay until Ctrl-C")
    start.add_argument("--load", type=float, default=0, metavar="N", help="send N live messages a second")
    verb("stop", _stop, "end what runs in the directory, also after a crash")
    verb("status", _status, "ports, faults that are on, counts")
    fault = verb("fault", _fault, "switch a fault on; `faults` lists them")
    fault.add_argument("target", help=f"{', '.join(DIALECTS)}, all, a seed ({', '.join(SEEDS)}) or {HOST}")
    fault.add_argument("fault")
    fault.add_argument("args", nargs="*")
    fault.add_argument("--share", type=float, help="strike only this share of sessions or messages")
    verb("faults", _faults, "list the faults")
    heal = verb("heal", _heal, "switch faults off")
    heal.add_argument("target", nargs="?", help="provider, seed, all or host; absent: everything")
    heal.add_argument("fault", nargs="?", help="absent: all its faults")
    send = verb("send", _send, "send live mail through Postfix")
    send.add_argument("recipient", nargs="?", default=live_users()[0])
    send.add_argument("--count", type=int, default=1)
    ledger = verb("ledger", _ledger, "what became of all live mail")
    ledger.add_argument("--late", type=float, default=10, metavar="SECONDS")
    ledger.add_argument("--json", action="store_true")
    verbs.add_parser("demo", help="watch relaypilot move mail away from failing relays")
    relays = verbs.add_parser("relays", help="the simulators' process, started by `start`")
    relays.add_argument("--dir", type=Path, required=True)
    relays.set_defaults(run=_relays)
    return parser


def _start(options: argparse.Namespace) -> int:
    ended = threading.Event()

    def end(_number: int, _frame: FrameType | None) -> None:
        ended.set()

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, end)
    with World.start(options.dir) as world:
        print(_environment(world), flush=True)
        with world.load(options.load) if options.load else nullcontext():
            ended.wait()
        print("stopping", flush=True)
    return 0


def _environment(world: World) -> str:
    me = "python -m deploy.sandbox"
    where = "" if world.directory == DEFAULT_DIRECTORY else f" --dir {world.directory}"
    relaypilot = f"{Path(sys.executable).parent}/relaypilot"
    config = f"--config {world.config_path}"
    return f"""The sandbox is up in {world.directory}.

  relays     {", ".join(f"{name} 127.0.0.1:{world.ports[name]}" for name in DIALECTS)}
  HTTP APIs  {", ".join(f"{name} {world.api_url(name)}" for name in API_NAMES)} (keys in {world.layout.plan})
  IMAP       127.0.0.1:{world.ports["imap"]} (TLS)
  Postfix    127.0.0.1:{world.ports["smtp"]}, configuration {world.postfix.config_dir}, log {world.postfix.log}
  authority  {world.ca_file}
  relaypilot {world.config_path}

Try, in another terminal:
  {relaypilot} helper {config} &
  {relaypilot} run {config} &
  {relaypilot} status {config}
  {me} send{where}
  {me} fault mailgun spam{where}
  {me} fault mailgun partial 0.3{where}
  {me} faults
  {me} heal{where}
  {me} ledger{where}

Ctrl-C stops it."""


def _stop(options: argparse.Namespace) -> int:
    ended = end_leftovers(Layout(options.dir.absolute()))
    print(f"ended {', '.join(ended)}" if ended else f"nothing runs in {options.dir}")
    return 0


def _status(options: argparse.Namespace) -> int:
    status = attach(options.dir).status()
    for relay in status["relays"]:
        faults = ", ".join(relay["faults"]) or "healthy"
        print(f"{relay['name']:12} 127.0.0.1:{relay['port']:<6} accepted {relay['accepted']:<6} {faults}")
    for name, faults in status["seeds"].items():
        print(f"{name:12} {', '.join(faults) or 'healthy'}")
    if status["host"]:
        print(f"{HOST:12} {', '.join(status['host'])}")
    return 0


def _fault(options: argparse.Namespace) -> int:
    target, fault = options.target, options.fault
    if target in FAULTS and fault not in FAULTS:  # `fault seed_down gmail-1` is said as easily
        target, fault = fault, target
    attach(options.dir).fault(target, fault, *options.args, share=options.share)
    print(f"{target}: {' '.join([fault, *options.args])}")
    return 0


def _faults(_options: argparse.Namespace) -> int:
    titles = {
        "relay": "of a relay",
        "api": "of a relay with an HTTP API",
        "seed": "of a seed",
        "host": f"of this machine (target {HOST})",
    }
    for of, title in titles.items():
        print(f"{title}:")
        for name, kind in FAULTS.items():
            if kind.of == of:
                default = f" [{kind.default:g}]" if isinstance(kind.default, float) else ""
                argument = f" {kind.argument.upper()}{default}" if kind.argument else ""
                print(f"  {name + argument:28} {kind.does}")
    return 0


def _heal(options: argparse.Namespace) -> int:
    attach(options.dir).heal(options.target, options.fault)
    print(f"healed {options.target or 'everything'}")
    return 0


def _send(options: argparse.Namespace) -> int:
    world = attach(options.dir)
    for _ in range(options.count):
        sent = world.send(recipient=options.recipient)
        print(f"{sent.id} to {sent.recipient}, in Postfix as {sent.queue_id}")
    return 0


def _ledger(options: argparse.Namespace) -> int:
    counts = asdict(attach(options.dir).ledger.counts(options.late))
    if options.json:
        print(json.dumps(counts))
    else:
        for name, number in counts.items():
            print(f"{name:10} {number:6}")
    return 0


def _relays(options: argparse.Namespace) -> int:
    layout = Layout(options.dir)
    asyncio.run(run_simulators(layout))
    # Whoever started this process is gone; when it ended in order, nothing is left to end.
    end_leftovers(layout, but=os.getpid())
    return 0
