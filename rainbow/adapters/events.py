"""Events on our resources, as `kubectl describe` shows them. They are told once, and nothing depends on them."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from datetime import datetime

from rainbow.adapters.kube import EVENT, Kind, Kube, Object
from rainbow.decisions.happenings import Happening
from rainbow.errors import RainbowError
from rainbow.model.names import FIELD_MANAGER
from rainbow.model.release import format_time

# What every step needs that writes on a record; workflows/rbac.py adds it.
TELLING = {"apiGroups": [""], "resources": ["events"], "verbs": ["create"]}
LONGEST = 1024  # characters of a message that the API server takes
_LOG = logging.getLogger(__name__)


def tell(kube: Kube, kind: Kind, meta: Object, happened: Iterable[Happening], now: datetime) -> None:
    """Write an event for each; `meta` has namespace, name, uid and resourceVersion of what it happened to.

    Its name is made of these, so that nothing is told twice. Whatever goes wrong is only said.
    """
    about = {"apiVersion": kind.api_version, "kind": kind.kind}
    about |= {key: meta[key] for key in ("namespace", "name", "uid", "resourceVersion")}
    for each in happened:
        event = {
            "apiVersion": EVENT.api_version,
            "kind": EVENT.kind,
            "metadata": {
                "name": f"{meta['name']}.{meta['resourceVersion']}.{each.reason.lower()}",
                "namespace": meta["namespace"],
            },
            "involvedObject": about,
            "type": each.type,
            "reason": each.reason,
            "message": each.message if len(each.message) <= LONGEST else each.message[: LONGEST - 1] + "…",
            "firstTimestamp": format_time(now),
            "lastTimestamp": format_time(now),
            "count": 1,
            "source": {"component": FIELD_MANAGER},
            "reportingComponent": FIELD_MANAGER,
        }
        try:
            kube.create(event, attempts=1)
        except RainbowError as error:
            _LOG.warning("the event %s of %s could not be written: %s", each.reason, meta["name"], error)
