"""What a command shows: headings, lines and grids, for a terminal or, aligned and plain, for a pipe."""

import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.console import Group


@dataclass(frozen=True, slots=True)
class Cell:
    """A text with a style for terminals; the words alone carry the meaning."""

    text: str
    style: str = ""


@dataclass(frozen=True, slots=True)
class Heading:
    """Names what follows."""

    text: str


@dataclass(frozen=True, slots=True)
class Grid:
    """A table; the last column takes what room is left and folds."""

    headers: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]


Page = Sequence[Cell | Heading | Grid]


def show(page: Page) -> None:
    """Print a page on standard output, in the form that suits it."""
    if sys.stdout.isatty():
        from rich.console import Console

        Console(highlight=False).print(styled(page))
    else:
        print(plain(page), flush=True)


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
            case Grid(headers, rows):
                texts = [headers, *([cell.text for cell in row] for row in rows)]
                widths = [max(len(row[place]) for row in texts) for place in range(len(headers))]
                lines += ["  ".join(t.ljust(w) for t, w in zip(row, widths, strict=True)).rstrip() for row in texts]
    return "\n".join(lines)


def styled(page: Page) -> "Group":
    """Return a page for a terminal."""
    from rich.console import Group
    from rich.table import Table
    from rich.text import Text

    parts: list[Text | Table] = []
    for block in page:
        match block:
            case Heading(text):
                parts += [Text(), Text(text, "bold")] if parts else [Text(text, "bold")]
            case Cell(text, style):
                parts.append(Text(text, style))
            case Grid(headers, rows):
                table = Table(box=None, padding=(0, 1, 0, 0), header_style="dim", pad_edge=False)
                for place, header in enumerate(headers):
                    last = place == len(headers) - 1
                    table.add_column(header, overflow="fold", no_wrap=not last, ratio=None)
                for row in rows:
                    table.add_row(*(Text(cell.text, cell.style) for cell in row))
                parts.append(table)
    return Group(*parts)
