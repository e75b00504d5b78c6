"""What one can try while the demo stays up, as commands to copy."""

import os
import sys
from pathlib import Path

from deploy.sandbox.world import DEFAULT_DIRECTORY, World


def playground_text(world: World, listen: str, token: str) -> str:
    """Return the commands, with this world's paths, port and token."""
    programs = Path(sys.executable).parent
    sandbox = f"{_short(Path(sys.executable))} -m deploy.sandbox"
    where = "" if world.directory == DEFAULT_DIRECTORY else f" --dir {world.directory}"
    config = f"--config {world.config_path}"
    relaypilot, failover = _short(programs / "relaypilot"), _short(programs / "failover")
    socket = f"--unix-socket {world.directory}/api.sock http://relaypilot"
    return f"""The world stays up, all faults are healed, and live mail goes on. In another terminal, from {Path.cwd()}:

  break     {sandbox} fault mailgun spam{where}
            {sandbox} fault sendgrid partial 0.3{where}
            {sandbox} fault acme late 20{where}
            {sandbox} faults
  heal      {sandbox} heal{where}
  watch     {relaypilot} status --watch {config}
  ask       {relaypilot} explain {config}
            {relaypilot} compare {config}
            {relaypilot} history {config}
  move      {relaypilot} plan --to acme {config}
            {failover} --to acme {config}
  forgive   {relaypilot} ack {config}
            (after an account fault, a provider returns only when a person has acknowledged it)
  API       curl {socket}/v1/status
            curl -H 'Authorization: Bearer {token}' http://{listen}/v1/status
  browser   http://{listen}/   token: {token}
  count     {sandbox} ledger{where}
  logs      {world.directory}/daemon.log  helper.log  mail.log

What happens is printed here. Ctrl-C stops everything."""


def _short(program: Path) -> str:
    """Return the program's path from here when it is below."""
    here = os.path.relpath(program)
    return str(program) if here.startswith("..") else here
