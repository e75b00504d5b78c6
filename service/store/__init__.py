"""Keeps facts, folded state and the journal."""
