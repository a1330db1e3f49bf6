"""Kubernetes as Rainbow needs it: any kind of object, as plain dicts, with preconditions.

A thin layer over the API client of the `kubernetes` package, whose exceptions and types stay in this file. Requests
that may be repeated without harm are tried again for some seconds; everything slower is Argo's business.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from tenacity import Retrying, retry_if_exception, stop_after_attempt, wait_exponential_jitter

from rainbow.adapters.login import login
from rainbow.errors import Conflict, PermanentError, TemporaryError
from rainbow.model.names import FIELD_MANAGER

Object = dict[str, Any]

TIMEOUT = (5, 30)  # seconds to connect, seconds to read
JSON_PATCH = "application/json-patch+json"
MERGE_PATCH = "application/merge-patch+json"
APPLY_PATCH = "application/apply-patch+yaml"
# Objects without their contents (Kubernetes API concepts, "Metadata-only fetches").
BRIEF = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"


class NotThere(PermanentError):
    """The object does not exist (HTTP 404)."""


class Away(TemporaryError):
    """The API server does not answer."""


class Gone(TemporaryError):
    """The version to go on from is too old (HTTP 410): read everything again."""


class Forbidden(PermanentError):
    """The right is missing (HTTP 403); or the API server has just started and has not read its roles yet."""


@dataclass(frozen=True)
class Kind:
    """An API version and a kind, for example Kind("apps/v1", "Deployment")."""

    api_version: str
    kind: str


RELEASE = Kind("rainbow.dev/v1alpha1", "Release")
INGRESS = Kind("networking.k8s.io/v1", "Ingress")
DEPLOYMENT = Kind("apps/v1", "Deployment")
SERVICE = Kind("v1", "Service")
POD = Kind("v1", "Pod")
CONFIG_MAP = Kind("v1", "ConfigMap")
EVENT = Kind("v1", "Event")
ENDPOINT_SLICE = Kind("discovery.k8s.io/v1", "EndpointSlice")
POLICY = Kind("rainbow.dev/v1alpha1", "Policy")
LEASE = Kind("coordination.k8s.io/v1", "Lease")
HTTP_ROUTE = Kind("gateway.networking.k8s.io/v1", "HTTPRoute")
WORKFLOW = Kind("argoproj.io/v1alpha1", "Workflow")


@dataclass
class Kube:
    """One cluster. `client` is a `kubernetes.client.ApiClient`; see `connect`."""

    client: Any
    attempts: int = 4
    _resources: dict[str, dict[str, tuple[str, bool]]] = field(default_factory=dict)
    timeout: tuple[float, float] = TIMEOUT

    # --- reading -------------------------------------------------------------------------------------------

    def get(self, kind: Kind, namespace: str | None, name: str) -> Object | None:
        """The object, or None when there is none of that name. Raises TemporaryError when it cannot be known."""
        try:
            return self._json("GET", self.path(kind, namespace, name))
        except NotThere:
            return None

    def list(
        self,
        kind: Kind,
        namespace: str | None,
        *,
        labels: str | None = None,
        fields: str | None = None,
        brief: bool = False,
    ) -> list[Object]:
        """All objects of the kind that match the selectors; `namespace` None means everywhere.

        `brief`: their metadata only, for who needs no more of objects that may be large.
        """
        query = {"labelSelector": labels, "fieldSelector": fields}
        wanted = BRIEF if brief else "application/json"
        answer = self._json("GET", self.path(kind, namespace), query=query, content_type=wanted)
        # The items of a list carry neither apiVersion nor kind of their own (Kubernetes API conventions, "Lists").
        head = {"apiVersion": kind.api_version, "kind": kind.kind}
        return [item | head for item in answer.get("items") or []]

    def watch(
        self, kind: Kind, namespace: str | None, seconds: int, since: str | None = None, *, labels: str | None = None
    ) -> Iterator[tuple[str, Object]]:
        """What changes for so many seconds: ADDED, MODIFIED or DELETED, and the object.

        Without `since`, a resource version, all that is there comes first, as ADDED. Raises Gone when that version is
        too old to go on from (Kubernetes API concepts, "Efficient detection of changes").
        """
        query = {"watch": "true", "timeoutSeconds": seconds, "resourceVersion": since, "labelSelector": labels}
        for line in self._lines(self.path(kind, namespace), query, (TIMEOUT[0], seconds + TIMEOUT[1])):
            change = json.loads(line)
            if change["type"] == "ERROR":
                status = change["object"]
                raise Gone(f"watch of {kind.kind} in namespace {namespace}: {status.get('message')}")
            yield change["type"], change["object"]

    def pod_log(self, namespace: str, pod: str, container: str, *, tail: int | None = None) -> str:
        """What a container has printed so far."""
        query = {"container": container, "tailLines": tail}
        return self.request("GET", self.path(POD, namespace, pod) + "/log", query=query)

    def pod_log_since(self, namespace: str, pod: str, container: str, since: str | None) -> str:
        """What a container has printed since a time (RFC 3339, whole seconds count), each line after its own time."""
        query = {"container": container, "timestamps": "true", "sinceTime": since}
        return self.request("GET", self.path(POD, namespace, pod) + "/log", query=query)

    # --- writing -------------------------------------------------------------------------------------------

    def create(self, obj: Object, *, attempts: int | None = None) -> Object:
        """Create it. Raises Conflict when the name is taken. `attempts` 1: what fails is not worth waiting for."""
        kind, namespace, _ = identity(obj)
        return self._json("POST", self.path(kind, namespace), body=obj, repeat=False, attempts=attempts)

    def apply(self, obj: Object, *, force: bool = True) -> Object:
        """Server-side apply as field manager `rainbow`."""
        kind, namespace, name = identity(obj)
        query = {"fieldManager": FIELD_MANAGER, "force": str(force).lower()}
        return self._json("PATCH", self.path(kind, namespace, name), query=query, body=obj, content_type=APPLY_PATCH)

    def patch(
        self,
        kind: Kind,
        namespace: str | None,
        name: str,
        patch: Object | Sequence[Object],
        *,
        subresource: str | None = None,
    ) -> Object:
        """Merge patch (a dict) or JSON patch (a list; its `test` operations are the precondition).

        Put `metadata.resourceVersion` into a merge patch to make it conditional. Raises Conflict when it fails.
        """
        path = self.path(kind, namespace, name) + (f"/{subresource}" if subresource else "")
        content_type = MERGE_PATCH if isinstance(patch, dict) else JSON_PATCH
        query = {"fieldManager": FIELD_MANAGER}
        return self._json("PATCH", path, query=query, body=patch, content_type=content_type, repeat=False)

    def delete(
        self,
        kind: Kind,
        namespace: str | None,
        name: str,
        *,
        uid: str | None = None,
        resource_version: str | None = None,
        propagation: str = "Background",
    ) -> bool:
        """Delete it if it is still the one that was read. False when it was gone already; Conflict when changed."""
        preconditions = {key: value for key, value in (("uid", uid), ("resourceVersion", resource_version)) if value}
        body: Object = {"kind": "DeleteOptions", "apiVersion": "v1", "propagationPolicy": propagation}
        if preconditions:
            body["preconditions"] = preconditions
        try:
            self._json("DELETE", self.path(kind, namespace, name), body=body)
        except NotThere:
            return False
        return True

    # --- what the cluster has ------------------------------------------------------------------------------

    def kinds(self, group: str) -> Sequence[Kind]:
        """All kinds of an API group, for each version that serves it, the best one first; none without the group."""
        try:
            versions = self._json("GET", f"/apis/{group}")["versions"]
        except NotThere:
            return []
        lists = [self._json("GET", f"/apis/{version['groupVersion']}") for version in versions]
        return [Kind(found["groupVersion"], r["kind"]) for found in lists for r in found["resources"]]

    # --- paths and requests --------------------------------------------------------------------------------

    def path(self, kind: Kind, namespace: str | None, name: str | None = None) -> str:
        """The URL path of a collection or an object. Asks the API server once per API version."""
        group = ("/apis/" if "/" in kind.api_version else "/api/") + kind.api_version
        if kind.api_version not in self._resources:
            try:
                answer = self._json("GET", group)
            except NotThere as error:
                raise PermanentError(
                    f"the cluster does not know {kind.api_version} ({kind.kind}); install what defines it"
                ) from error
            self._resources[kind.api_version] = {
                r["kind"]: (r["name"], r["namespaced"]) for r in answer["resources"] if "/" not in r["name"]
            }
        known = self._resources[kind.api_version]
        if kind.kind not in known:
            raise PermanentError(f"the cluster knows no {kind.kind} in {kind.api_version}; install its CRD")
        plural, namespaced = known[kind.kind]
        parts = [group]
        if namespaced and namespace:
            parts += ["namespaces", quote(namespace, safe="")]
        parts.append(plural)
        if name:
            parts.append(quote(name, safe=""))
        return "/".join(parts)

    def _json(self, method: str, path: str, **options: Any) -> Object:
        answer: Object = json.loads(self.request(method, path, **options))
        return answer

    def request(
        self,
        method: str,
        path: str,
        *,
        query: Object | None = None,
        body: Any = None,
        content_type: str = "application/json",
        repeat: bool = True,
        attempts: int | None = None,
    ) -> str:
        """One request; `repeat` says that it may be sent again after an answer that never came."""

        def again(error: BaseException) -> bool:
            # A conflict needs a new decision, not the same request; a refusal by RBAC has changed nothing.
            return isinstance(error, Forbidden) or (
                repeat and isinstance(error, TemporaryError) and not isinstance(error, Conflict)
            )

        attempting = Retrying(
            stop=stop_after_attempt(attempts or self.attempts),
            wait=wait_exponential_jitter(multiplier=0.3, max=3),
            retry=retry_if_exception(again),
            reraise=True,
        )
        return attempting(self._once, method, path, query or {}, body, content_type)

    def _lines(self, path: str, query: Object, timeout: tuple[int, int]) -> Iterator[str]:
        """The lines of an answer as they come."""
        from kubernetes.client.exceptions import ApiException
        from urllib3.exceptions import HTTPError

        given = [(key, value) for key, value in query.items() if value is not None]
        request = self.client.param_serialize(
            method="GET", resource_path=path, query_params=given, auth_settings=["BearerToken"]
        )
        try:
            response = self.client.call_api(*request, _request_timeout=timeout)
            if response.status >= 400:
                raise _error(response.status, f"GET {path}", response.read().decode(errors="replace"))
            with response.response as stream:
                yield from (line.decode() for line in stream)
        except (ApiException, HTTPError, OSError) as error:
            raise Away(f"the API server did not answer GET {path}: {error}") from error

    def _once(self, method: str, path: str, query: Object, body: Any, content_type: str) -> str:
        from kubernetes.client.exceptions import ApiException
        from urllib3.exceptions import HTTPError

        what = f"{method} {path}"
        # What is sent, or for a GET what is wanted.
        accept = content_type if method == "GET" else "application/json"
        headers = {"Accept": f"{accept}, */*", "Content-Type": content_type}
        request = self.client.param_serialize(
            method=method,
            resource_path=path,
            query_params=[(key, value) for key, value in query.items() if value is not None],
            header_params=headers,
            body=body,
            auth_settings=["BearerToken"],
        )
        try:
            response = self.client.call_api(*request, _request_timeout=self.timeout)
            text: str = response.read().decode(errors="replace")
        except (ApiException, HTTPError, OSError) as error:
            raise Away(f"the API server did not answer {what}: {error}") from error
        if response.status >= 400:
            raise _error(response.status, what, text)
        return text


def identity(obj: Object) -> tuple[Kind, str | None, str]:
    """Kind, namespace and name of an object."""
    meta = obj["metadata"]
    return Kind(obj["apiVersion"], obj["kind"]), meta.get("namespace"), meta["name"]


def connect(*, context: str | None = None) -> Kube:
    """The cluster of `context` or KUBECONFIG; else, in a pod, the pod's own; else that of the usual kubeconfig.

    Raises BadInput when there is none. As in kubectl, what was said comes before what was found.
    """
    from kubernetes.client import ApiClient

    return Kube(ApiClient(login(context)))


def _error(status: int, what: str, text: str) -> Exception:
    try:
        message = json.loads(text).get("message", text)
    except (ValueError, AttributeError):
        message = text
    said = f"{what}: {message.strip()[:2000]}"
    if status == 404:
        return NotThere(said)
    if status == 409:
        return Conflict(said)
    # A JSON patch that does not fit the object, its `test` operations above all, is answered with 422 and these words
    # only, no details (apiserver 1.35, patch.go): the object is not what was read, so somebody wrote first.
    if status == 422 and "due to an error in our request" in message:
        return Conflict(said)
    if status in (401, 429) or status >= 500:
        # 401: the token of a ServiceAccount is renewed on disk while a step runs.
        return TemporaryError(said)
    if status == 403:
        return Forbidden(f"{said}. {_without_right(what, message)}")
    return PermanentError(said)


def _without_right(what: str, message: str) -> str:
    # Who asked stands in the message (Kubernetes, "RBAC", referring to subjects).
    if 'User "system:serviceaccount:' in message:
        return "The ServiceAccount lacks this right: ask for it; if it is Rainbow's own, run `rainbow install` again"
    more = "" if what.startswith("GET ") else ", or leave out --now: workflows have rights of their own"
    return f"You lack this right; ask for it{more}"
