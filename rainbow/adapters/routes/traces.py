"""What a switch leaves on the route in the very write that moves it, so that a kill right after loses nothing.

Annotations, on whichever object is switched: when, from which release, the fencing token of the writer, and when a
person last asked for a move.
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
ORDERED_AT = f"{GROUP}/ordered-at"


@dataclass(frozen=True)
class Trace:
    """The last switch: when, from which release (None: there was none), and by the holder of which token.

    `ordered_at`: when the last one was asked for that a person had ordered; others leave it as it is.
    """

    at: datetime | None = None
    previous: str | None = None
    token: int | None = None
    ordered_at: datetime | None = None


def trace_of(route: Object) -> Trace:
    """What the last switch left on the object. What cannot be read was written by somebody else: it is no trace."""
    left = route["metadata"].get("annotations") or {}
    token = left.get(FENCING_TOKEN, "")
    return Trace(
        at=_time(left.get(SWITCHED_AT, "")),
        previous=left.get(SWITCHED_FROM) or None,
        token=int(token) if token.isdecimal() else None,
        ordered_at=_time(left.get(ORDERED_AT, "")),
    )


def as_annotations(trace: Trace) -> dict[str, str]:
    """The trace as annotations. Without a token that of the writer before stays, and so does what a person ordered."""
    written = {SWITCHED_AT: format_time(trace.at)} if trace.at else {}
    written[SWITCHED_FROM] = trace.previous or ""
    if trace.ordered_at is not None:
        written[ORDERED_AT] = format_time(trace.ordered_at)
    return written if trace.token is None else written | {FENCING_TOKEN: str(trace.token)}


def leave(route: Object, trace: Trace) -> list[Object]:
    """The operations of a JSON patch that leave the trace on the object."""
    if not route["metadata"].get("annotations"):
        return [{"op": "add", "path": "/metadata/annotations", "value": as_annotations(trace)}]
    escaped = {key.replace("/", "~1"): value for key, value in as_annotations(trace).items()}
    return [{"op": "add", "path": f"/metadata/annotations/{k}", "value": v} for k, v in escaped.items()]


def _time(text: str) -> datetime | None:
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    return found if found.tzinfo else None
