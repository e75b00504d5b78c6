"""What can go wrong with the sandbox itself.

SandboxError
├── NotPossibleHereError   not on this machine, or not in this directory
├── NotStartedError        a part did not come up
├── NotRunningError        no sandbox is running in the directory
└── UnknownFaultError      a fault, provider or seed name that does not exist, or a bad argument
"""


class SandboxError(Exception):
    """Base of the sandbox's errors; the text is one sentence for the person at the keyboard."""


class NotPossibleHereError(SandboxError):
    """A sandbox cannot run on this machine, or not in this directory."""


class NotStartedError(SandboxError):
    """A part of the world did not come up."""


class NotRunningError(SandboxError):
    """No sandbox is running in the directory."""


class UnknownFaultError(SandboxError):
    """No such fault, provider or seed, or an argument that makes no sense."""
