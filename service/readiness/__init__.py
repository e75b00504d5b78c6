"""Whether each provider could carry the mail: found out before it has to."""
