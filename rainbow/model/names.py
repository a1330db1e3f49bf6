"""Names that have to be valid in several systems at once, and the marks that Rainbow puts on objects."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import AfterValidator

GROUP = "rainbow.dev"
APP_LABEL = f"{GROUP}/app"
RELEASE_LABEL = f"{GROUP}/release"
RELEASED_BY = f"{GROUP}/released-by"  # on a record: who made it
INSTALLED_BY = f"{GROUP}/installed-by"  # on all that `rainbow install` brings: the version that did
WORKFLOW_NAME = f"{GROUP}/workflow"  # on a record: what releases it, or released it last
WORKFLOW_URL = f"{GROUP}/workflow-url"  # on a record: where that is seen in the Argo UI
ARGO_UI = f"{GROUP}/argo-ui"  # on a WorkflowTemplate: the address of the Argo UI
FIELD_MANAGER = "rainbow"

# Lower-case DNS label (RFC 1123), which is also a valid label value and, having no dot, blank or wildcard,
# one token of a message subject (NATS, "Subject-Based Messaging").
_LABEL = re.compile(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?")
APP_LENGTH = 30
RELEASE_LENGTH = 20


def _dns_label(what: str, longest: int) -> AfterValidator:
    def check(value: str) -> str:
        if len(value) > longest or not _LABEL.fullmatch(value):
            raise ValueError(
                f"{value!r} cannot be {what}: it needs 1 to {longest} characters out of a-z, 0-9 and '-', "
                "beginning and ending with a letter or digit"
            )
        return value

    return AfterValidator(check)


# `<object name>-<release>` has to stay within the 63 characters of a Service name, hence the short limits.
AppName = Annotated[str, _dns_label("the name of an app", APP_LENGTH)]
ReleaseId = Annotated[str, _dns_label("a release id", RELEASE_LENGTH)]
Namespace = Annotated[str, _dns_label("a namespace", 63)]
ClusterName = Annotated[str, _dns_label("the name of a cluster", 63)]


def record_name(app: str, release: str) -> str:
    """The name of the Release resource of a release."""
    return f"{app}-{release}"


def object_name(base: str, release: str) -> str:
    """The name that an object of the app's base has in a release."""
    return f"{base}-{release}"


def release_labels(app: str, release: str) -> dict[str, str]:
    """The labels that every object of a release carries."""
    return {APP_LABEL: app, RELEASE_LABEL: release}


def release_selector(app: str, release: str) -> str:
    """The label selector that finds every object of a release, and nothing else."""
    return f"{APP_LABEL}={app},{RELEASE_LABEL}={release}"
