"""Which folders of a seed mailbox are searched, and which of them is the spam folder. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from probes.errors import SeedError


class FolderRole(StrEnum):
    """What mail in a folder means."""

    INBOX = "inbox"
    SPAM = "spam"
    OTHER = "other"


@dataclass(frozen=True, slots=True, kw_only=True)
class Folder:
    """One folder to search."""

    name: str
    role: FolderRole

    @property
    def placement(self) -> str:
        """Return how a probe found here is placed: "inbox", "spam" or "other:<folder>"."""
        return self.role.value if self.role is not FolderRole.OTHER else f"other:{self.name}"


# Names of spam folders where the server gives no \Junk attribute: Exchange Online gives none at all, and
# names follow the mailbox's language. Compared without regard to case, by the last part of the path.
JUNK_NAMES = frozenset(
    name.casefold()
    for name in (
        *("Junk", "Junk Email", "Junk E-mail", "Junk-E-Mail", "Junk Mail", "Bulk", "Bulk Mail", "Spam", "Spambox"),
        *("Spamverdacht", "Unerwünscht", "Courrier indésirable", "Indésirables", "Pourriel", "Pourriels"),
        *("Correo no deseado", "Correo basura", "No deseado", "Posta indesiderata", "Indesiderata"),
        *("Lixo Eletrônico", "Lixo eletrónico", "Lixo Electrónico", "Correo lixo", "Correu brossa"),
        *("Ongewenste e-mail", "Ongewenst", "Skräppost", "Søppelpost", "Uønsket mail", "Uønsket e-mail", "Uønsket"),
        *("Roskaposti", "Wiadomości-śmieci", "Niechciane", "Nevyžádaná pošta", "Nevyžiadaná pošta", "Levélszemét"),
        *("Neželena pošta", "Neželjena pošta", "Mesaje nedorite", "Önemsiz", "Önemsiz E-posta", "Gereksiz"),
        *("Спам", "Нежелательная почта", "Небажана пошта", "Нежелана поща", "Ανεπιθύμητα", "Ανεπιθύμητη αλληλογραφία"),
        *("迷惑メール", "垃圾邮件", "垃圾郵件", "垃圾箱", "스팸", "스팸함", "스팸메일함", "정크 메일"),
        *("דואר זבל", "البريد غير الهام", "อีเมลขยะ", "Thư rác"),
    )
)
# Not where the receiver delivers: folders that cannot be opened, views over other folders, our own mail.
_NOT_SEARCHED = frozenset({"\\noselect", "\\nonexistent", "\\all", "\\flagged", "\\important", "\\sent", "\\drafts"})


def choose_folders(
    listing: Iterable[tuple[tuple[str, ...], str | None, str]], *, junk: str | None = None
) -> tuple[Folder, ...]:
    r"""Return the folders to search, inbox first, then spam, then the rest.

    `listing` holds (attributes, path delimiter, name) as plain LIST gives them: \Junk is taken from there
    even when the server does not advertise SPECIAL-USE (RFC 6154). `junk` overrules attribute and names.

    Raises:
        SeedError: there is no folder of the name `junk`, or no INBOX.
    """
    usable = [
        (frozenset(flag.lower() for flag in flags), delimiter, name)
        for flags, delimiter, name in listing
        if not _NOT_SEARCHED & {flag.lower() for flag in flags}
    ]
    spam: set[str]
    if junk is not None:
        spam = {name for _, _, name in usable if name.casefold() == junk.casefold()}
        if not spam:
            names = ", ".join(sorted(name for _, _, name in usable))
            raise SeedError(f'there is no folder "{junk}"; set junk to one of: {names}')
    else:
        spam = {name for flags, _, name in usable if "\\junk" in flags}
        spam = spam or {name for _, delimiter, name in usable if _leaf(name, delimiter).casefold() in JUNK_NAMES}
    folders = [Folder(name=name, role=_role(name, spam)) for _, _, name in sorted(usable, key=lambda entry: entry[2])]
    if not any(folder.role is FolderRole.INBOX for folder in folders):
        raise SeedError("the server lists no INBOX; check that the login is a mailbox's")
    order = list(FolderRole)
    return tuple(sorted(folders, key=lambda folder: order.index(folder.role)))


def _leaf(name: str, delimiter: str | None) -> str:
    return name.rpartition(delimiter)[2] if delimiter else name


def _role(name: str, spam: set[str]) -> FolderRole:
    if name.upper() == "INBOX":
        return FolderRole.INBOX
    return FolderRole.SPAM if name in spam else FolderRole.OTHER
