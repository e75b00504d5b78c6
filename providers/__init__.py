"""Relay providers: hand one message to one relay, classify the answer."""
