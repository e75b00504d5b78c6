"""The relaypilot daemon, its decision core, Postfix control, store, API and command line."""
