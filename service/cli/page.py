"""What a command shows: headings, lines and grids, for a terminal or, aligned and plain, for a pipe."""

import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TextIO

if TYPE_CHECKING:
    from rich.console import Group


@dataclass(frozen=True, slots=True)
class Cell:
    """A text with a style for terminals; the words alone carry the meaning."""

    text: str
    style: str = ""
    hang: int = 0  # columns by which a terminal indents every line but the first


@dataclass(frozen=True, slots=True)
class Below:
    """A text that belongs to the line above it; indented as a whole."""

    text: str
    style: str = ""
    indent: int = 4


@dataclass(frozen=True, slots=True)
class Heading:
    """Names what follows."""

    text: str


@dataclass(frozen=True, slots=True)
class Grid:
    """A table; the last column takes what room is left and folds."""

    headers: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]


Block = Cell | Below | Heading | Grid
Page = Sequence[Block]


@dataclass(frozen=True, slots=True)
class Screen:
    """The terminal that a page is for."""

    columns: int
    lines: int


def screen() -> Screen | None:
    """Return the terminal on standard output; none when it is none."""
    if not sys.stdout.isatty():
        return None
    import shutil

    return Screen(*shutil.get_terminal_size())


def show(page: Page) -> None:
    """Print a page on standard output, in the form that suits it."""
    if sys.stdout.isatty():
        from rich.console import Console

        Console(highlight=False).print(styled(page))
    else:
        print(plain(page), flush=True)


def say(text: str, stream: TextIO | None = None) -> None:
    """Print sentences, on a terminal without breaking a word."""
    stream = stream or sys.stdout
    if stream.isatty():
        import shutil
        import textwrap

        columns = shutil.get_terminal_size().columns
        lines = (
            textwrap.wrap(
                line,
                columns,
                subsequent_indent=" " * (len(line) - len(line.lstrip())),
                break_long_words=False,
                break_on_hyphens=False,
            )
            for line in text.splitlines()
        )
        text = "\n".join("\n".join(line) for line in lines)
    print(text, file=stream, flush=True)


def show_json(value: Any) -> None:
    """Print one JSON document on standard output."""
    print(json.dumps(value, indent=2, ensure_ascii=False), flush=True)


def plain(page: Page) -> str:
    """Return a page as aligned text without any escape sequence, however wide it gets."""
    lines: list[str] = []
    for block in page:
        match block:
            case Heading(text):
                lines += ["", text] if lines else [text]
            case Cell(text):
                lines.append(text)
            case Below(text, _, indent):
                lines.append(" " * indent + text)
            case Grid(headers, rows):
                texts = [headers, *([cell.text for cell in row] for row in rows)]
                widths = [max(len(row[place]) for row in texts) for place in range(len(headers))]
                lines += ["  ".join(t.ljust(w) for t, w in zip(row, widths, strict=True)).rstrip() for row in texts]
    return "\n".join(lines)


def styled(page: Page) -> "Group":
    """Return a page for a terminal."""
    from rich.console import Group
    from rich.padding import Padding
    from rich.table import Table
    from rich.text import Text

    parts: list[Text | Table | Padding] = []
    for block in page:
        match block:
            case Heading(text):
                parts += [Text(), Text(text, "bold")] if parts else [Text(text, "bold")]
            case Cell(text, style, hang) if hang:
                hanging = Table.grid(padding=0)
                hanging.add_column(no_wrap=True, width=hang)
                hanging.add_column()
                hanging.add_row(Text(text[:hang], style), Text(text[hang:], style))
                parts.append(hanging)
            case Cell(text, style):
                parts.append(Text(text, style))
            case Below(text, style, indent):
                parts.append(Padding(Text(text, style), (0, 0, 0, indent)))
            case Grid(headers, rows):
                table = Table(box=None, padding=(0, 1, 0, 0), header_style="dim", pad_edge=False)
                for place, header in enumerate(headers):
                    last = place == len(headers) - 1
                    table.add_column(header, overflow="fold", no_wrap=not last, ratio=None)
                for row in rows:
                    table.add_row(*(Text(cell.text, cell.style) for cell in row))
                parts.append(table)
    return Group(*parts)


def width(grid: Grid) -> int:
    """Return the columns that a grid takes when nothing in it is folded."""
    texts = [grid.headers, *([cell.text for cell in row] for row in grid.rows)]
    return sum(max(len(row[place]) for row in texts) + 1 for place in range(len(grid.headers))) - 1


def height(page: Page, columns: int) -> int:
    """Return how many lines a page takes on a terminal of this width."""
    from rich.console import Console

    console = Console(width=columns, highlight=False)
    return len(console.render_lines(styled(page), pad=False)) if page else 0
