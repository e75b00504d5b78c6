"""What is kept: facts, the state folded from them, the journal of switchovers, log positions. SQLite in WAL mode."""
