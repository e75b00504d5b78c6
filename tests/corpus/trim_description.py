"""Write the part of official OpenAPI descriptions that the tests need: some paths and what they refer to.

    python -m tests.corpus.trim_description TARGET.json PATHS.txt DESCRIPTION...

Paths are kept word for word. Components of several descriptions are merged; where two of one name differ, the later
one gets the name of its description in front.
"""

import json
import re
import sys
from pathlib import Path
from typing import Any

import yaml

_REF = re.compile(r'"\$ref": "#/components/([^/"]+)/([^"]+)"')


def trimmed(descriptions: dict[str, dict[str, Any]], paths: list[str]) -> dict[str, Any]:
    """Return one description with the given paths; `descriptions` by name."""
    result: dict[str, Any] = {}
    for name, full in descriptions.items():
        chosen = {path: full["paths"][path] for path in paths if path in full["paths"]}
        if not chosen:
            continue
        if not result:
            result = {key: full[key] for key in ("openapi", "info", "servers", "security") if key in full}
            result |= {"paths": {}, "components": {}}
        parts = _needed(chosen, full)
        for kind, member in full.get("components", {}).get("securitySchemes", {}).items():
            parts["securitySchemes", kind] = member
        renamed = {
            (kind, key): f"{name}.{key}"
            for (kind, key), part in parts.items()
            if result["components"].get(kind, {}).get(key, part) != part
        }
        result["paths"] |= _rename(chosen, renamed)
        for (kind, key), part in parts.items():
            result["components"].setdefault(kind, {})[renamed.get((kind, key), key)] = _rename(part, renamed)
    missing = set(paths) - set(result.get("paths", {}))
    if missing:
        sys.exit(f"trim_description: no description has {', '.join(sorted(missing))}")
    return result


def _needed(chosen: object, full: dict[str, Any]) -> dict[tuple[str, str], Any]:
    needed: dict[tuple[str, str], Any] = {}
    open_ends = [chosen]
    while open_ends:
        for kind, key in _REF.findall(json.dumps(open_ends.pop())):
            if (kind, key) not in needed:
                needed[kind, key] = full["components"][kind][key]
                open_ends.append(needed[kind, key])
    return needed


def _rename(part: Any, renamed: dict[tuple[str, str], str]) -> Any:
    text = json.dumps(part)
    return json.loads(_REF.sub(lambda m: f'"$ref": "#/components/{m[1]}/{renamed.get((m[1], m[2]), m[2])}"', text))


def main(target: str, paths: str, *sources: str) -> None:
    """Read, trim, write."""
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    descriptions = {
        Path(s).stem: json.loads(json.dumps(yaml.load(Path(s).read_text(), loader), default=str)) for s in sources
    }
    Path(target).write_text(json.dumps(trimmed(descriptions, Path(paths).read_text().split()), indent=1) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
