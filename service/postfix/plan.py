"""The exact difference that a move would make to Postfix. Pure."""

from collections.abc import Mapping

from service.decision.route import Route
from service.postfix.current import Current, service_lines
from service.postfix.installation import Installation
from service.postfix.render import render
from service.postfix.textdiff import masked, shortened, unified


def plan_text(installation: Installation, current: Current, route: Route) -> str:
    """Return a unified diff of main.cf settings, master.cf services and owned files; empty when nothing changes.

    Secrets are masked, so a changed password alone shows no difference.

    Raises:
        RouteRefusedError: the route cannot be written.
    """
    own = current.surroundings.own
    wanted = render(route, installation, current.message_size_limit, current.surroundings)
    after_settings = dict(wanted.settings)
    for name in current.settings:
        if name not in wanted.settings and (former := own.get(name)) is not None:
            after_settings[name] = former  # given back
    before_settings = {name: own[name] for name in wanted.settings if own.get(name)} | dict(current.settings)
    settings = {name: value for name, value in before_settings.items() if value or name in wanted.settings}
    parts = [
        unified(str(installation.main_cf), _setting_lines(settings), _setting_lines(after_settings)),
        unified(
            str(installation.master_cf),
            [line for name in sorted(current.services) for line in service_lines(current.services[name])],
            [line for name in sorted(wanted.services) for line in service_lines(wanted.services[name])],
        ),
    ]
    for path in sorted({*current.files, *wanted.files}):
        after = shortened(masked(path, wanted.files[path].text)) if path in wanted.files else ""
        parts.append(unified(path, current.files.get(path, "").splitlines(), after.splitlines()))
    return "".join(parts)


def _setting_lines(settings: Mapping[str, str | None]) -> list[str]:
    return [f"{name} = {value}" for name, value in settings.items()]
