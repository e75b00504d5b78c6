"""What a route looks like in Postfix: main.cf settings, master.cf services and owned files. Pure.

A message that falls from A to B is delivered by A's service, so every service carries the credentials, TLS
policy and reply rules of all providers and sets explicitly whatever main.cf could otherwise make it inherit.
"""

from providers.account_replies import ACCOUNT_REPLIES
from providers.base import RelayEndpoint, TlsMode
from service.decision.route import Route
from service.postfix.installation import Installation
from service.postfix.lane_maps import LaneMaps
from service.postfix.map_list import split_maps
from service.postfix.nexthop import nexthop_list
from service.postfix.rendering import PUBLIC, SECRET, OwnedFile, Rendering
from service.postfix.reply_filter import reply_filter, status_filter
from service.postfix.route_check import check_route, check_surroundings, relays_to_provider
from service.postfix.surroundings import NO_SURROUNDINGS, Surroundings
from service.postfix.table_rows import table_text

__all__ = ["OwnedFile", "Rendering", "check_route", "render"]


def render(
    route: Route, installation: Installation, message_size_limit: int, seen: Surroundings = NO_SURROUNDINGS
) -> Rendering:
    """Return what Postfix holds when this route is in force.

    `message_size_limit` is Postfix's own, in bytes; 0 means none.

    Raises:
        RouteRefusedError: the route cannot be written, or not beside what the administrator has in main.cf.
    """
    check_route(route, installation)
    check_surroundings(route, installation, seen)
    prefix, endpoints = installation.service_prefix, installation.providers
    # Over the SIZE that a relay advertises Postfix bounces by itself and tries no other nexthop (3.7.11, 2026-11).
    largest = min(max(installation.size_limits.get(name, 0) for name in lane.providers) for lane in route.lanes)
    size_falls_through = 0 < message_size_limit <= largest
    maps = LaneMaps(route, installation, seen)
    settings = _route_settings(route, installation, seen) | _map_settings(maps, seen)
    for name in endpoints:  # on the service line these two do nothing: the queue manager reads main.cf
        settings[f"{prefix}{name}_destination_concurrency_limit"] = "20"
        settings[f"{prefix}{name}_destination_recipient_limit"] = "50"
    return Rendering(
        settings=settings,
        services={f"{prefix}{name}/unix": _service(name, installation, size_falls_through) for name in endpoints},
        files=_files(installation, size_falls_through) | maps.files(),
        lookups=maps.lookups(),
    )


def _route_settings(route: Route, installation: Installation, seen: Surroundings) -> dict[str, str]:
    """Return the settings that carry the default lane's first list.

    With `routing = "transport"` relayhost stays the administrator's, so whatever he sends by other means without
    naming a nexthop, relay_domains above all, goes where it went.
    """
    service = installation.service_prefix + route.active
    nexthops = nexthop_list(route.providers, installation.providers)
    if installation.routing == "transport":
        settings = {"default_transport": f"{service}:{nexthops}"}
    else:
        settings = {"relayhost": nexthops, "default_transport": service}
    if relays_to_provider(installation, seen):
        settings["relay_transport"] = settings["default_transport"]
    return settings


def _map_settings(maps: LaneMaps, seen: Surroundings) -> dict[str, str]:
    """Return the settings that list maps, where something of ours belongs into them; the administrator's come first."""
    wanted = {
        "sender_dependent_default_transport_maps": maps.sender_maps(),
        "transport_maps": (*split_maps(seen.own_value("transport_maps")), *maps.recipient_maps()),
    }
    return {name: ", ".join(value) for name, value in wanted.items() if value != split_maps(seen.own_value(name))}


def _certificate_options(name: str, installation: Installation) -> dict[str, str]:
    """Return the settings of the client certificate that a service shows; none where no provider has one.

    Postfix chooses it by service and not by nexthop. A provider without one shows that of the others, if they have
    one and the same, so that a message which falls to them is let in.
    """
    certificates = {
        provider: (at.client_certificate_file, at.client_key_file or at.client_certificate_file)
        for provider, at in installation.providers.items()
        if at.client_certificate_file is not None
    }
    if not certificates:
        return {}
    distinct = set(certificates.values())
    file, key = certificates.get(name) or (next(iter(distinct)) if len(distinct) == 1 else ("", ""))
    return {
        "smtp_tls_chain_files": "",
        "smtp_tls_cert_file": file or "",
        "smtp_tls_key_file": key or "",
        "smtp_tls_eccert_file": "",
        "smtp_tls_dcert_file": "",
    }


def _service(name: str, installation: Installation, size_falls_through: bool) -> str:
    service = installation.service_prefix + name
    options = " ".join(f"-o {key}={value}" for key, value in _options(name, installation, size_falls_through).items())
    return f"{service} unix - - n - - smtp {options}"


def _options(name: str, installation: Installation, size_falls_through: bool) -> dict[str, str]:
    """Return the settings of one provider's service. No value holds a blank, so none needs quoting (master(5))."""
    endpoints, owned = installation.providers, installation.owned_dir
    clear_login = any(at.tls is TlsMode.NONE and at.username for at in endpoints.values())  # loopback only
    return {
        "syslog_name": installation.syslog_name(name),
        # Credentials: all providers', chosen by exact nexthop and never by sender.
        "smtp_sasl_auth_enable": "yes",
        "smtp_sasl_password_maps": f"texthash:{owned}/sasl",
        "smtp_sasl_type": "cyrus",
        "smtp_sasl_path": "",
        "smtp_sasl_mechanism_filter": "plain,login",
        "smtp_sasl_security_options": "noanonymous" if clear_login else "noplaintext,noanonymous",
        "smtp_sasl_tls_security_options": "noanonymous",
        "smtp_sasl_tls_verified_security_options": "noanonymous",
        "smtp_sasl_auth_cache_name": "",
        "smtp_sasl_auth_soft_bounce": "yes",
        "smtp_sender_dependent_authentication": "no",
        # TLS: every nexthop has a policy; the level is for what should not happen, a nexthop without one.
        "smtp_tls_security_level": "secure" if endpoints[name].tls is not TlsMode.NONE else "none",
        "smtp_tls_policy_maps": f"texthash:{owned}/tls_policy",
        "smtp_tls_secure_cert_match": "nexthop",
        "smtp_tls_wrappermode": "yes" if endpoints[name].tls is TlsMode.IMPLICIT else "no",
        "smtp_tls_CAfile": installation.system_ca_file,
        "smtp_tls_CApath": "",
        "smtp_tls_trust_anchor_file": "",
        "smtp_tls_mandatory_protocols": "!SSLv2,!SSLv3,!TLSv1,!TLSv1.1",
        **_certificate_options(name, installation),
        # A session kept open for the second nexthop would hide that the first one fails.
        "smtp_tls_connection_reuse": "no",
        "smtp_connection_cache_on_demand": "no",
        "smtp_connection_cache_destinations": "",
        # Replies: a refused account is no reason to bounce.
        "smtp_reply_filter": f"regexp:{owned}/reply_filter",
        "smtp_delivery_status_filter": f"regexp:{owned}/status_filter",
        "smtp_skip_5xx_greeting": "yes",
        "smtp_discard_ehlo_keywords": "size" if size_falls_through else "",
        "smtp_discard_ehlo_keyword_address_maps": "",
        # Fallback is the list of nexthops alone.
        "smtp_fallback_relay": "",
        "smtp_mx_address_limit": "2",  # one of each address family when the relay has both
        "smtp_mx_session_limit": "2",
        "smtp_balance_inet_protocols": "yes",
        # Each dead address costs every message one connect time-out.
        "smtp_connect_timeout": installation.connect_timeout,
        "smtp_helo_timeout": "10s",
        "smtp_starttls_timeout": "10s",
        "smtp_mail_timeout": "20s",
        "smtp_rcpt_timeout": "20s",
        "smtp_data_init_timeout": "20s",
        "smtp_data_xfer_timeout": "60s",
        "smtp_data_done_timeout": "120s",  # longer: giving up here delivers the message twice
        "smtp_rset_timeout": "10s",
        "smtp_quit_timeout": "10s",
        "smtp_skip_quit_response": "yes",
    }


def _files(installation: Installation, size_falls_through: bool) -> dict[str, OwnedFile]:
    owned, endpoints = installation.owned_dir, installation.providers
    logins = [f"{at.nexthop} {at.username}:{at.password}" for at in endpoints.values() if at.username is not None]
    policies = [_policy(name, at, installation) for name, at in endpoints.items()]
    files = {
        "sasl": OwnedFile(text=table_text(logins), mode=SECRET),
        "tls_policy": OwnedFile(text=table_text(policies), mode=PUBLIC),
        "reply_filter": OwnedFile(
            text=reply_filter(ACCOUNT_REPLIES, size_falls_through=size_falls_through), mode=PUBLIC
        ),
        "status_filter": OwnedFile(text=status_filter(ACCOUNT_REPLIES), mode=PUBLIC),
    }
    for name in endpoints:
        if name in installation.authorities:
            files[f"ca-{name}.pem"] = OwnedFile(text=installation.authorities[name], mode=PUBLIC)
    return {f"{owned}/{name}": file for name, file in files.items()}


def _policy(name: str, endpoint: RelayEndpoint, installation: Installation) -> str:
    """Return one line of the TLS policy table (postconf(5) smtp_tls_policy_maps).

    A provider's own CA is its trust anchor alone (`tafile`), so it vouches for no other provider. Postfix reads
    that file without privileges, at each session.
    """
    if endpoint.tls is TlsMode.NONE:
        return f"{endpoint.nexthop} none"
    anchor = f" tafile={installation.owned_dir}/ca-{name}.pem" if name in installation.authorities else ""
    server_name = endpoint.server_name.rstrip(".")
    return f"{endpoint.nexthop} secure match={server_name} servername={server_name}{anchor}"
