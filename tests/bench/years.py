"""False moves, wrong blame and detection in simulated years, two processes at a time: see tests/simulation."""

import os
import statistics
from functools import partial
from multiprocessing import get_context

from tests.bench.figure import Figure
from tests.simulation.judge import LIVE_SECONDS, POLICY
from tests.simulation.world import HOUR, REFUSED, TREATED
from tests.simulation.years import FAILING_RATIOS, FAULTS_A_YEAR, OBSERVING_DAYS, ill_year, noisy_year, upper_bound

NOISE = (
    f"{OBSERVING_DAYS:.0f} days of observing, then a year; 2 providers, 2 receivers of 2 seeds; session checks every "
    f"{POLICY.session_interval_seconds / HOUR:g} h, rounds every {POLICY.round_interval_seconds / HOUR:g} h, live mail "
    f"in one minute every {LIVE_SECONDS / HOUR:g} h; {FAILING_RATIOS[0]:.1%} to {FAILING_RATIOS[-1]:.0%} of attempts "
    "begin a burst of 1 to 3 failures on average, drifting between half and twice that over months; one provider "
    "with 12 % spam, the other 3 %; 2 % late, 0.3 % lost; weekly maintenance of a receiver; seed outages; 30 minutes "
    "of local network loss a month"
)


def measure(noisy_years=200, ill_years=4, days=365.0, faults=FAULTS_A_YEAR):
    with get_context("spawn").Pool(os.cpu_count()) as pool:
        noisy = pool.map(partial(noisy_year, days=days), range(noisy_years), chunksize=1)
        ill = pool.map(partial(ill_year, days=days, faults=faults), range(ill_years), chunksize=1)
    return [*_noisy(noisy, days / 365), *_ill(ill, days / 365, faults)]


def _noisy(years, length):
    moves = [move for year in years for move in year.wrong_moves]
    return [
        Figure(
            name="false moves a year, 95 % upper bound",
            value=upper_bound(len(moves), len(years) * length),
            unit="a year",
            goal=POLICY.false_moves_per_year,
            conditions=f"{len(moves)} in {len(years) * length:.4g} years ({_by_rule(moves)}); "
            f"false_moves_per_year = {POLICY.false_moves_per_year:g}; {NOISE}",
        )
    ]


def _ill(years, length, faults):
    found = [one for year in years for one in year.detected]
    missed = [kind for kind, delay in found if delay is None]
    wrong = [move for year in years for move in year.wrong_moves]
    blame = [one for year in years for one in year.wrong_blame]
    about = (
        f"{len(years)} times {faults} faults of all kinds in {365 * length:.0f} days, of which {len(found)} of a "
        "provider; session checks every 5 minutes, rounds every 2 h"
    )
    figures = [
        Figure(
            name="share of provider faults missed",
            value=len(missed) / max(1, len(found)),
            unit="ratio",
            conditions=f"{about}; missed: {', '.join(sorted(missed)) or 'none'}",
        ),
        Figure(
            name="wrong moves a year among faults",
            value=len(wrong) / len(years) / length,
            unit="a year",
            conditions=f"{about}; {_by_rule(wrong)}",
        ),
        Figure(
            name="wrong blame a year among faults",
            value=len(blame) / len(years) / length,
            unit="a year",
            conditions=f"{about}; held ill without a fault: {', '.join(w for *_, w in blame) or 'nobody'}",
        ),
    ]
    groups = {"refusing": set(REFUSED) - {"partial", "hang_data"}, "partial": {"partial"}, "accepted": set(TREATED)}
    for name, kinds in groups.items():
        delays = [delay for kind, delay in found if kind in kinds and delay is not None]
        if delays:
            figures.append(
                Figure(
                    name=f"median delay until a {name} fault is held against its provider",
                    value=statistics.median(delays),
                    unit="s",
                    conditions=f"{len(delays)} faults, longest {max(delays):,.0f} s, from their beginning; {about}",
                )
            )
    return figures


def _by_rule(moves):
    rules = [move.rule for move in moves]
    return ", ".join(f"{rules.count(rule)} {rule}" for rule in sorted(set(rules))) or "none"
