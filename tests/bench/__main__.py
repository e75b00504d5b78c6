"""The benchmarks: `python -m tests.bench [NAME …] [--json] [--short]`. Needs root, for a real Postfix."""

import argparse
import sys

from deploy.sandbox.errors import SandboxError
from tests.bench import decide, detection, idle, move, start, submission, years
from tests.bench.figure import as_json, as_text, machine

# name -> how it is measured, and how in a hurry: enough to see that it works, too little to judge by
BENCHMARKS = {
    "decide": (decide.measure, {"decisions": 20}),
    "detection": (detection.measure, {"runs": 2, "singles": False}),
    "idle": (idle.measure, {"seconds": 2.0, "providers": 3, "seeds": 2}),
    "move": (move.measure, {"repetitions": 1}),
    "start": (start.measure, {"repetitions": 1}),
    "submission": (submission.measure, {"messages": 50, "replies": 2000, "runs": 1}),
    "years": (years.measure, {"noisy_years": 1, "ill_years": 1, "days": 16.0, "faults": 6}),
}


def main(arguments=None):
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description="Measure, and compare with the goals.")
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"which: {', '.join(BENCHMARKS)}; absent: all")
    parser.add_argument("--json", action="store_true", help="print JSON instead of text")
    parser.add_argument("--short", action="store_true", help="run the least that prints every figure")
    options = parser.parse_args(arguments)
    if unknown := set(options.names) - set(BENCHMARKS):
        parser.error(f"no such benchmark: {', '.join(sorted(unknown))}; there are {', '.join(BENCHMARKS)}")
    about, figures = machine(), []
    for name in options.names or BENCHMARKS:
        print(f"measuring {name} …", file=sys.stderr, flush=True)
        measure, short = BENCHMARKS[name]
        figures += measure(**(short if options.short else {}))
    print(as_json(figures, about) if options.json else as_text(figures, about))
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except SandboxError as error:
        sys.exit(str(error))
