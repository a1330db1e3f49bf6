"""What a switch leaves on the route in the very write that moves it, so that a kill right after loses nothing.

Annotations, on whichever object is switched: when, from which release, and the fencing token of the writer.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from rainbow.adapters.kube import Object
from rainbow.model.names import GROUP
from rainbow.model.release import format_time

SWITCHED_AT = f"{GROUP}/switched-at"
SWITCHED_FROM = f"{GROUP}/switched-from"
FENCING_TOKEN = f"{GROUP}/fencing-token"


@dataclass(frozen=True)
class Trace:
    """The last switch: when, from which release (None: there was none), and by the holder of which token."""

    at: datetime | None = None
    previous: str | None = None
    token: int | None = None


def trace_of(route: Object) -> Trace:
    """What the last switch left on the object. What cannot be read was written by somebody else: it is no trace."""
    left = route["metadata"].get("annotations") or {}
    try:
        at = datetime.fromisoformat(left.get(SWITCHED_AT, ""))
    except ValueError:
        at = None
    token = left.get(FENCING_TOKEN, "")
    return Trace(at, left.get(SWITCHED_FROM) or None, int(token) if token.isdecimal() else None)


def as_annotations(trace: Trace) -> dict[str, str]:
    """The trace as annotations. Without a token that of the writer before stays."""
    written = {SWITCHED_AT: format_time(trace.at)} if trace.at else {}
    written[SWITCHED_FROM] = trace.previous or ""
    return written if trace.token is None else written | {FENCING_TOKEN: str(trace.token)}


def leave(route: Object, trace: Trace) -> list[Object]:
    """The operations of a JSON patch that leave the trace on the object."""
    if not route["metadata"].get("annotations"):
        return [{"op": "add", "path": "/metadata/annotations", "value": as_annotations(trace)}]
    escaped = {key.replace("/", "~1"): value for key, value in as_annotations(trace).items()}
    return [{"op": "add", "path": f"/metadata/annotations/{k}", "value": v} for k, v in escaped.items()]
