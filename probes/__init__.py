"""Turn "this provider, that seed" into observations."""
