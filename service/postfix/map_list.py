"""Lists of lookup tables as main.cf holds them: `hash:/a, pipemap:{regexp:/b, hash:/c}`. Pure."""

_SEPARATORS = ", \t\r\n"
INDEX_SUFFIXES = {"lmdb": ".lmdb", "hash": ".db"}  # of the file that postmap(1) makes, best type first


def split_maps(text: str) -> tuple[str, ...]:
    """Return the entries of a list, split at commas and blanks outside braces (postconf(5), DATABASE_README)."""
    entries, entry, depth = [], "", 0
    for character in text:
        depth += {"{": 1, "}": -1}.get(character, 0)
        if depth == 0 and character in _SEPARATORS:
            entries.append(entry)
            entry = ""
        else:
            entry += character
    return tuple(part for part in (*entries, entry) if part)


def is_table(word: str) -> bool:
    """Return whether a word of a domain list names a table (`hash:/path`), not a domain or a file."""
    return ":" in word and not word.startswith(("/", "[", "!"))


def best_table_type(map_types: frozenset[str]) -> str:
    """Return the type for a long table: lmdb, else hash, else texthash, which is read whole but needs no index."""
    return next((kind for kind in INDEX_SUFFIXES if kind in map_types), "texthash")
