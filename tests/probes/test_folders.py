import pytest

from probes.errors import SeedError
from probes.folders import choose_folders


def roles(*listing, junk: str | None = None) -> list[str]:
    return [folder.placement for folder in choose_folders(listing, junk=junk)]


INBOX = ((), "/", "INBOX")


@pytest.mark.parametrize(
    ("flags", "delimiter", "name"),
    [
        (("\\HasNoChildren", "\\Junk"), "/", "[Gmail]/Correo"),
        (("\\JUNK",), "/", "Whatever"),
        ((), "/", "Junk Email"),
        ((), "/", "junk e-mail"),
        ((), ".", "INBOX.Spam"),
        ((), None, "Bulk"),
        ((), "/", "Courrier indésirable"),
    ],
)
def test_the_spam_folder_is_known_by_attribute_or_name(flags, delimiter, name) -> None:
    assert roles((flags, delimiter, name), INBOX) == ["inbox", "spam"]


def test_an_attribute_beats_a_name_and_a_setting_beats_both() -> None:
    listing = [INBOX, (("\\Junk",), "/", "Marked"), ((), "/", "Spam")]
    assert roles(*listing) == ["inbox", "spam", "other:Spam"]
    assert roles(*listing, junk="spam") == ["inbox", "spam", "other:Marked"]


def test_folders_that_receive_no_mail_are_not_searched() -> None:
    unused = [
        ((flag,), "/", flag[1:]) for flag in ("\\All", "\\Sent", "\\Drafts", "\\Noselect", "\\Flagged", "\\Important")
    ]
    assert roles(*unused, INBOX, (("\\Trash",), "/", "Bin")) == ["inbox", "other:Bin"]


def test_a_setting_that_names_no_folder_lists_those_there_are() -> None:
    with pytest.raises(SeedError, match='no folder "Junk"; set junk to one of: INBOX, Post'):
        roles(INBOX, ((), "/", "Post"), junk="Junk")


def test_a_mailbox_without_inbox_is_an_error() -> None:
    with pytest.raises(SeedError, match="no INBOX"):
        roles(((), "/", "Post"))
