"""Judges providers and chooses routes. Pure: no clock, no logging, no input or output."""
