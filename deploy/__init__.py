"""Everything that ships beside the wheel: units, examples, the sandbox."""
