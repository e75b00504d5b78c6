"""A rendering as one text, for golden files."""

from pathlib import Path

_GENERATED = ("reply_filter", "status_filter")  # made of the adapters' tables, and tested with them


def golden_text(rendering):
    """Return settings, services and tables as they stand in Postfix's files."""
    parts = ["# main.cf", *(f"{name} = {value}" for name, value in rendering.settings.items()), "", "# master.cf"]
    for line in rendering.services.values():
        parts += line.replace(" -o ", "\n    -o ").splitlines()
    for path, file in rendering.files.items():
        if Path(path).name not in _GENERATED:
            parts += ["", f"# {path} (mode {file.mode:o}{', ' + file.index if getattr(file, 'index', '') else ''})"]
            parts += file.text.splitlines()
    return "\n".join(parts) + "\n"
