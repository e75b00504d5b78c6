"""The policy as far as this Postfix can carry it out. Pure."""

from dataclasses import replace

from service.decision.policy import Policy
from service.postfix.current import Current


def offered(policy: Policy, current: Current | None) -> Policy:
    """Return the policy without shares and receivers' lanes where Postfix cannot be given them, or cannot be asked."""
    shares = policy.shares and current is not None and current.shares_refused is None
    lanes = policy.lane_receivers if current is not None and current.receivers_refused is None else ()
    if (shares, lanes) == (policy.shares, policy.lane_receivers):
        return policy
    return replace(policy, shares=shares, lane_receivers=lanes)
