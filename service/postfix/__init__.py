"""Reads and rewrites the Postfix route: one transaction, behind one socket."""
