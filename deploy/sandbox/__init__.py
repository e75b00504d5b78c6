"""The sandbox world: relay simulators, seed inboxes, a real Postfix, live mail and its ledger."""
