"""What enhanced status codes mean for a relay account, as data (RFC 3463, IANA registry of SMTP codes). Pure."""

import re
from dataclasses import dataclass
from functools import lru_cache

from providers.failure import Category


@dataclass(frozen=True, slots=True, kw_only=True)
class EnhancedRule:
    """One row: which codes, and what they mean."""

    pattern: str  # regular expression for the whole enhanced code
    category: Category
    code: int | None = None  # only together with this reply code

    def matches(self, enhanced: str, code: int) -> bool:
        """Return whether this row speaks about this pair of codes."""
        return self.code in (None, code) and re.fullmatch(self.pattern, enhanced) is not None


# First match wins. A relay's class (4 or 5) may contradict its reply code; the reply code says whether it is
# temporary, so most rows leave the class open.
ENHANCED: tuple[EnhancedRule, ...] = (
    # Login: RFC 4954 §6, RFC 5248.
    EnhancedRule(pattern=r"[45]\.7\.(8|9|11|12|14)", category=Category.AUTH),
    EnhancedRule(pattern=r"[45]\.7\.13", category=Category.ACCOUNT),
    EnhancedRule(pattern=r"4\.7\.0", code=454, category=Category.PROVIDER_TEMP),  # its password store is away
    EnhancedRule(pattern=r"5\.7\.0", code=530, category=Category.CONFIG),  # log in, or STARTTLS, first
    EnhancedRule(pattern=r"[45]\.7\.[0-9]+", code=535, category=Category.AUTH),
    # Security and policy.
    EnhancedRule(pattern=r"[45]\.7\.28", category=Category.RATE),
    EnhancedRule(pattern=r"[45]\.7\.(2[0-7]|29)", category=Category.SENDER),  # RFC 7372, 7505, 8617
    EnhancedRule(pattern=r"[45]\.7\.(10|30)", category=Category.TLS),  # RFC 8689
    EnhancedRule(pattern=r"4\.7\.0", category=Category.PROVIDER_TEMP),
    EnhancedRule(pattern=r"[45]\.7\.[0-9]+", category=Category.POLICY),
    # Size before mailbox: 5.2.3 is about the message.
    EnhancedRule(pattern=r"[45]\.(3\.4|2\.3)", category=Category.SIZE),
    # Addresses and mailboxes.
    EnhancedRule(pattern=r"[45]\.1\.[78]", category=Category.SENDER),
    EnhancedRule(pattern=r"[45]\.1\.(1|2|3|4|6|10)", category=Category.RECIPIENT),
    EnhancedRule(pattern=r"[45]\.2\.[0-9]+", category=Category.RECIPIENT),
    # The relay's own system and network.
    EnhancedRule(pattern=r"4\.3\.[0-9]+|4\.4\.5", category=Category.PROVIDER_TEMP),
    EnhancedRule(pattern=r"5\.3\.[0-9]+|[45]\.4\.[0-9]+", category=Category.PROVIDER),
    # Protocol and content.
    EnhancedRule(pattern=r"[45]\.5\.[0-9]+", category=Category.PROTOCOL),
    EnhancedRule(pattern=r"[45]\.6\.[0-9]+", category=Category.CONTENT),
)


@lru_cache(maxsize=512)
def find_enhanced_rule(enhanced: str, code: int) -> EnhancedRule | None:
    """Return the first row for this pair of codes, or None."""
    return next((rule for rule in ENHANCED if rule.matches(enhanced, code)), None)
