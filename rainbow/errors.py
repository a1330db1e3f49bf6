"""The exceptions of Rainbow and the exit codes they become.

    RainbowError
    ├── TemporaryError   exit 75: Argo runs the step again (retryStrategy of its template)
    │   └── Conflict     someone else wrote first: read again, decide again
    └── PermanentError   exit 1: nothing gets better by itself
        ├── Refused      a rule forbids it; the message says which and what would have to change
        └── BadInput     exit 2: a parameter or a file is wrong; nothing was changed

A message names the object, its namespace and the next thing to do. Exit code 64 is never used: Argo's executor
uses it for its own failures.
"""

from __future__ import annotations


class RainbowError(Exception):
    """Anything that Rainbow itself reports. Never raised directly."""

    exit_code = 1


class TemporaryError(RainbowError):
    """It may work when tried again: a timeout, a conflict, a metric that is not there yet."""

    exit_code = 75


class Conflict(TemporaryError):
    """The object changed since it was read (HTTP 409 or a failed precondition)."""


class PermanentError(RainbowError):
    """It will not work when tried again without somebody changing something."""


class Refused(PermanentError):
    """A rule of Rainbow forbids it."""


class BadInput(PermanentError):
    """A parameter, a file or a resource given by the user is wrong. Nothing was changed."""

    exit_code = 2
