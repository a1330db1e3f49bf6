"""`report` in rainbow.yaml: where `rainbow report` finds what it draws beside the records."""

from __future__ import annotations

from pydantic import Field

from rainbow.model.addresses import HttpUrl
from rainbow.model.part import Part
from rainbow.model.queries import ReleaseQuery


class Report(Part):
    """The queries of the picture. Active tasks are asked for with drain.prometheus.query."""

    prometheus: HttpUrl | None = Field(default=None, description="base URL; left out, that of drain.prometheus")
    requests: ReleaseQuery | None = Field(
        default=None,
        description="PromQL for the requests per second of one release, giving one number; left out, bake.traffic, or "
        "without one what Traefik or ingress-nginx count by Service",
    )
    failures: ReleaseQuery | None = Field(
        default=None,
        description="PromQL for the failed requests per second of one release, giving one number; left out, the "
        "answers with status 5xx of what Traefik or ingress-nginx count by Service",
    )
