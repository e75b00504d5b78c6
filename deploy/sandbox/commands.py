"""The sandbox's command line."""

import argparse
import asyncio
import os
from collections.abc import Sequence
from pathlib import Path

from deploy.sandbox.layout import Layout


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m deploy.sandbox")
    sub = parser.add_subparsers(dest="verb", required=True)
    relays = sub.add_parser("relays")
    relays.add_argument("--dir", type=Path, required=True)
    options = parser.parse_args(argv)
    if options.verb == "relays":
        from deploy.sandbox.simulators import run_simulators
        from deploy.sandbox.world import end_leftovers

        layout = Layout(options.dir)
        asyncio.run(run_simulators(layout))
        end_leftovers(layout, but=os.getpid())
    return 0
