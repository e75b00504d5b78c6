"""Whether the private keys and client certificates that a configuration names can be used."""

import ssl
from pathlib import Path

from providers.dkim import check_key
from providers.errors import DkimKeyError
from service.config_draft import Draft
from service.config_problem import Report, Rule
from service.config_table import UNREAD

_DKIM = ("dkim_selector", "dkim_key")


def check_dkim(draft: Draft, report: Report, *, reads_files: bool) -> None:
    """Selector and key of probes are given together, and the key is one."""
    probes = draft.probes
    if probes is None:
        return
    given = [name for name in (*_DKIM, "dkim_domain") if getattr(probes, name) is not None]
    for name in _DKIM:
        if given and name not in given:
            seen = f"missing, though {' and '.join(given)} {'is' if len(given) == 1 else 'are'} given"
            report.add(Rule.DKIM_INCOMPLETE, f"probes.{name}", seen, f"add it, or remove {' and '.join(given)}")
    if not reads_files or probes.dkim_key is None or (key := probes.dkim_key.get_secret_value()) == UNREAD:
        return
    try:
        check_key(key)
    except DkimKeyError as error:
        seen, _, remedy = str(error).partition("; ")
        report.add(Rule.DKIM_KEY, "probes.dkim_key", seen, remedy)


def check_client_certificates(draft: Draft, report: Report) -> None:
    """Each client certificate can be read and belongs to its key."""
    for entry in draft.providers:
        certificate: str | None = getattr(entry.table, "client_certificate_file", None)
        key_file: str | None = getattr(entry.table, "client_key_file", None)
        if certificate is None:
            continue
        key = f"{entry.key}.client_certificate_file"
        for name, file in (("client_certificate_file", certificate), ("client_key_file", key_file)):
            if file is not None and not Path(file).is_absolute():
                remedy = "write the whole path, beginning with /"
                seen = f'"{file}" is a relative path'
                report.add(Rule.RELATIVE_PATH, f"{entry.key}.{name}", seen, remedy, name=entry.name)
        try:
            ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_cert_chain(certificate, key_file, password=lambda: "")
        except (OSError, ValueError) as error:
            where = certificate if key_file is None else f"{certificate} with {key_file}"
            if isinstance(error, OSError) and not isinstance(error, ssl.SSLError):
                said = error.strerror or "unreadable"
            else:
                said = "not a certificate with its key, unprotected by a pass phrase"
            remedy = "name PEM files of a certificate and its key that this user can read"
            report.add(Rule.CLIENT_CERTIFICATE, key, f"{where}: {said}", remedy, name=entry.name)
