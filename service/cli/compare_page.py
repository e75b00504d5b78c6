"""The comparison as a page of 80 columns: measures down, providers across; each receiver; what differs. Pure."""

from collections.abc import Callable, Sequence

from service.cli.page import Cell, Grid, Heading, Page
from service.cli.words import everywhere, of, span, stamp
from service.views import CompareRowView, CompareView, SignalView

_RESOLUTION_SECONDS = 1.0  # of the stamps in Received and INTERNALDATE
_ACROSS = 3  # providers beside each other at most
_COLUMNS = 80
_NOTHING = "-"
_HEADERS = ("RECEIVER", "PROVIDER", "ACCEPTED", "INBOX", "SPAM", "MISSING", "LATE", "MEDIAN")
Row = CompareRowView


def compare_page(comparison: CompareView) -> Page:
    """Return the comparison as a page."""
    title = Cell(f"From {stamp(comparison.since)} to {stamp(comparison.until)}, in whole hours", "dim")
    rows = comparison.rows
    if not any(_measured(row) for row in rows):
        return [title, Cell("Nothing was measured in this time.")]
    receivers = list(dict.fromkeys(row.receiver for row in rows))
    page: list[Cell | Heading | Grid] = [title, *_side_by_side([row for row in rows if row.receiver == receivers[0]])]
    if len(receivers) > 1:
        page.append(Heading("By receiver"))
        page.append(Grid(_HEADERS, tuple(_line(row, rows) for row in rows if row.receiver != receivers[0])))
    return [*page, *_volume(comparison), *_differences(comparison)]


def _measured(row: Row) -> bool:
    return any(s.n for s in (row.acceptance, row.inbox, row.missing, row.sessions, row.live))


def _side_by_side(rows: Sequence[Row]) -> list[Heading | Grid | Cell]:
    page: list[Heading | Grid | Cell] = [Heading(f"At {everywhere(rows[0].receiver)} receivers: k of n, 95 % interval")]
    if rows[0].receiver != "*":
        page = [Heading(f"At {rows[0].receiver}: k of n, 95 % interval")]
    left = list(rows)
    while left:
        grids = (_beside(left[:across]) for across in range(min(_ACROSS, len(left)), 0, -1))
        grid = next((grid for grid in grids if _columns(grid) <= _COLUMNS), None) or _beside(left[:1])
        page.append(grid)
        left = left[len(grid.headers) - 1 :]
    return page


def _beside(rows: Sequence[Row]) -> Grid:
    lines = [
        (Cell(name, "dim"), *(cell(row) for row in rows))
        for name, cell in _MEASURES
        if any(cell(row).text != _NOTHING for row in rows)
    ]
    return Grid(("", *(row.provider for row in rows)), tuple(lines))


def _columns(grid: Grid) -> int:
    texts = [grid.headers, *([cell.text for cell in row] for row in grid.rows)]
    return sum(max(len(row[place]) for row in texts) + 2 for place in range(len(grid.headers))) - 2


def _share(signal: Callable[[Row], SignalView], style: str, *, bad_when_some: bool) -> Callable[[Row], Cell]:
    def cell(row: Row) -> Cell:
        s = signal(row)
        if s.low_ratio is None or s.high_ratio is None:
            return Cell(_NOTHING)
        bad = s.good if bad_when_some else s.n - s.good
        return Cell(f"{s.good}/{s.n} {_percent(s.low_ratio)}-{_percent(s.high_ratio)} %", style if bad else "")

    return cell


def _percent(ratio: float) -> str:
    percent = 100 * ratio
    return f"{percent:.0f}" if 1 <= percent <= 99 else f"{percent:.1f}".removesuffix(".0")  # noqa: PLR2004


def _plain(text: Callable[[Row], str | None]) -> Callable[[Row], Cell]:
    return lambda row: Cell(text(row) or _NOTHING)


def _latency(seconds: float | None) -> str:
    if seconds is None:
        return _NOTHING
    return span(seconds) if seconds >= _RESOLUTION_SECONDS else "< 1 s"


def _availability(row: Row) -> str | None:
    if row.availability_ratio is None:
        return None
    # rounded down: what was not there all the time was not there 100 % of it
    return f"{int(row.availability_ratio * 100_000) / 1000:g} % of {span(row.watched_seconds)}"


def _incidents(row: Row) -> str | None:
    if not row.watched_seconds:
        return None
    worst = f", {row.incidents_without_mail} without mail" if row.incidents_without_mail else ""
    return f"{row.incidents}{worst}" + (f", {row.incidents_open} open" if row.incidents_open else "")


def _money(currency: str | None, amount: float | None) -> str | None:
    return None if amount is None else f"{amount:,.2f} {currency}"


_MEASURES: tuple[tuple[str, Callable[[Row], Cell]], ...] = (
    ("accepted", _share(lambda r: r.acceptance, "red", bad_when_some=False)),
    ("inbox", _share(lambda r: r.inbox, "", bad_when_some=False)),
    ("spam", _share(lambda r: r.spam, "red", bad_when_some=True)),
    ("missing", _share(lambda r: r.missing, "red", bad_when_some=True)),
    ("late", _share(lambda r: r.late, "yellow", bad_when_some=True)),
    ("authenticated", _share(lambda r: r.authentication, "yellow", bad_when_some=False)),
    ("sessions", _share(lambda r: r.sessions, "red", bad_when_some=False)),
    ("live taken", _share(lambda r: r.live, "red", bad_when_some=False)),
    ("latency, 50 %", _plain(lambda r: _latency(r.latency_p50_seconds))),
    ("latency, 90 %", _plain(lambda r: _latency(r.latency_p90_seconds))),
    ("latency, 99 %", _plain(lambda r: _latency(r.latency_p99_seconds))),
    ("available", _plain(_availability)),
    ("incidents", _plain(_incidents)),
    ("between (MTBF)", _plain(lambda r: None if r.mtbf_seconds is None else span(r.mtbf_seconds))),
    ("repair (MTTR)", _plain(lambda r: None if r.mttr_seconds is None else span(r.mttr_seconds))),
    ("cost of 1,000", _plain(lambda r: _money(r.currency, r.cost_per_thousand))),
    ("cost a month", _plain(lambda r: _money(r.currency, r.cost_a_month))),
    ("data region", _plain(lambda r: r.data_region)),
    ("retention", _plain(lambda r: r.retention)),
    ("certifications", _plain(lambda r: ", ".join(r.certifications))),
    ("support", _plain(lambda r: r.support)),
)


def _line(row: Row, rows: Sequence[Row]) -> tuple[Cell, ...]:
    first = next(r for r in rows if r.receiver == row.receiver) is row
    return (
        Cell(everywhere(row.receiver) if first else "", "bold"),
        Cell(row.provider),
        Cell(of(row.acceptance), "red" if row.acceptance.good < row.acceptance.n else ""),
        Cell(of(row.inbox)),
        Cell(of(row.spam), "red" if row.spam.good else ""),
        Cell(of(row.missing), "red" if row.missing.good else ""),
        Cell(of(row.late), "yellow" if row.late.good else ""),
        Cell(_latency(row.latency_p50_seconds)),
    )


def _volume(comparison: CompareView) -> list[Cell | Heading]:
    """Return what costs and availability rest on."""
    if all(row.cost_per_thousand is None for row in comparison.rows) or comparison.messages_a_month is None:
        return []
    return [
        Heading("Cost"),
        Cell(
            f"For {comparison.messages_a_month:,.0f} messages a month: the {comparison.live_messages:,} live messages "
            "of this time, stretched to 30 days, if one provider carried them all."
        ),
    ]


def _differences(comparison: CompareView) -> list[Cell | Heading]:
    """Return each difference that is proven, with the rounds behind it, and what is to be said of the others."""
    if not comparison.differences:
        return []
    proven = [Cell(f"- {found.sentence}") for found in comparison.differences if found.better]
    return [
        Heading("Real differences (paired rounds; 5 % risk a year of any error, look as you may)"),
        *(proven or [Cell("- None is proven.")]),
        Cell(comparison.note, "dim"),
    ]
