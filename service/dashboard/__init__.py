"""The dashboard: static files that the API serves."""
