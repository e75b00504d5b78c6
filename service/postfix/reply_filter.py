"""The tables that turn a relay's refusal of the account into a temporary one, so the mail goes elsewhere. Pure.

Postfix bounces on any permanent reply, further nexthops or not. Two tables keep that from happening:

* `smtp_reply_filter` rewrites a reply line before Postfix acts on it, so the same message goes to the next
  nexthop at once (postconf(5) smtp_reply_filter).
* Postfix looks at one line at a time and believes the last one, so a multi-line reply whose last line is
  unremarkable cannot be turned round there. `smtp_delivery_status_filter` sees the whole text and makes the
  bounce a deferral: such a message waits in the queue until the route has moved.

Both tables are of type `regexp`, which every Postfix has built in.
"""

from collections.abc import Iterable

from providers.account_replies import AccountReply

_HEADING = "# Written by relaypilot; changes by hand are reported as drift.\n"
_CODES = "[0-9]{1,3}"


def reply_filter(replies: Iterable[AccountReply], *, size_falls_through: bool) -> str:
    """Return the text of the smtp_reply_filter table (regexp_table(5)).

    `size_falls_through` makes a refusal for size temporary too: right only where some relay takes every message
    that this server accepts, as a message too big for all would wait in the queue for days.
    """
    lines = [_HEADING, "if /^5[0-9][0-9][ -]/\n"]
    for reply in replies:
        lines += [
            f"# {reply.id}\n",
            rf"/^5([0-9][0-9])([ -])5(\.{_CODES}\.{_CODES} +)(({reply.pattern}).*)$/ 4${{1}}${{2}}4${{3}}${{4}}" + "\n",
            f"/^5([0-9][0-9])([ -])(({reply.pattern}).*)$/ 4${{1}}${{2}}${{3}}\n",
        ]
    if size_falls_through:
        lines += ["# too big for this relay\n", r"/^552([ -])5(\.3\.4 .*)$/ 452${1}4${2}" + "\n"]
        lines += [r"/^552([ -])([^0-9].*(size|too (large|big|long|much)).*)$/ 452${1}${2}" + "\n"]
    return "".join([*lines, "endif\n"])


def status_filter(replies: Iterable[AccountReply]) -> str:
    """Return the text of the smtp_delivery_status_filter table (postconf(5) default_delivery_status_filter).

    It looks for what the reply filter left in a continuation line: `450-4.7.1 Account suspended` within a
    permanent failure.
    """
    lines = [_HEADING, "if /^5.* 4[0-9][0-9]-/\n"]
    for reply in replies:
        lines += [
            f"# {reply.id}\n",
            rf"/^5(\..* 4[0-9][0-9]-(4\.{_CODES}\.{_CODES} +)?({reply.pattern}).*)$/ 4${{1}}" + "\n",
        ]
    return "".join([*lines, "endif\n"])
