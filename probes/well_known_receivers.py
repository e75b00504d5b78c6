"""Recipient domains of the large mailbox providers, for logs read without a configuration. Pure.

Domains under which people have mailboxes there; domains of businesses that they host are known by MX only.
Yahoo runs AOL's mailboxes; Yahoo Japan is another company.
"""

from collections.abc import Mapping, Sequence

OTHER_RECEIVER = "other"

_MICROSOFT_COUNTRIES = {
    "hotmail": (
        "at be ca ch cl cz de dk es fi fr gr hu it nl no se sg co.jp co.nz co.th co.uk com.ar com.au com.br com.tr"
    ),
    "live": (
        "at be ca cl cn de dk fi fr hk ie in it jp nl no ru se co.uk co.za com.ar com.au com.mx com.my com.pt com.sg"
    ),
    "outlook": (
        "at be cl cz de dk es fr ie in it jp kr lv ph pt sa sk co.id co.il co.nz co.th com.ar com.au com.br "
        "com.gr com.tr com.vn"
    ),
}
_YAHOO_COUNTRIES = (
    "at be bg ca cl de dk ee es fi fr gr hr hu ie in it lt lv nl no pl pt ro se sk co.id co.il co.in co.nz "
    "co.th co.uk co.za com.ar com.au com.br com.cn com.co com.hk com.mx com.my com.pe com.ph com.sg com.tr "
    "com.tw com.ua com.ve com.vn"
)

WELL_KNOWN: Mapping[str, Sequence[str]] = {
    "gmail": ("gmail.com", "googlemail.com"),
    "microsoft": (
        *("outlook.com", "hotmail.com", "live.com", "msn.com", "passport.com", "windowslive.com"),
        *(f"{name}.{country}" for name, countries in _MICROSOFT_COUNTRIES.items() for country in countries.split()),
    ),
    "yahoo": (
        *("yahoo.com", "ymail.com", "rocketmail.com", "myyahoo.com", "aol.com", "aim.com", "aol.co.uk", "aol.de"),
        *("aol.fr", "netscape.net", "verizon.net"),
        *(f"yahoo.{country}" for country in _YAHOO_COUNTRIES.split()),
    ),
}
