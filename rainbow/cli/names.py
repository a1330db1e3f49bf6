"""Names for the completion of the shell: contexts, namespaces, apps and releases, as the cluster has them now.

Somebody waits with a finger on the tab key: whatever goes wrong, or takes long, is no completion and not a word.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

import click

from rainbow.errors import PermanentError

PATIENCE = 2.0  # seconds in all
REQUEST = (0.5, 1.0)  # seconds to connect and to read
Completion = Callable[[click.Context, click.Parameter, str], list[str]]
# Whatever a kubeconfig, a plugin that it names or a cluster may come up with.
_TROUBLE = (OSError, ValueError, LookupError, TypeError, AttributeError, RuntimeError)


def _quietly(find: Callable[[click.Context], Iterable[str]]) -> Completion:
    def complete(ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[str]:
        from rainbow.errors import RainbowError

        given_up = threading.Timer(PATIENCE, os._exit, (0,))  # also out of what no exception reaches
        given_up.daemon = True
        given_up.start()
        try:
            return sorted({name for name in find(ctx) if name.startswith(incomplete)})
        except (RainbowError, *_TROUBLE):
            return []
        finally:
            given_up.cancel()

    return complete


@_quietly
def contexts(_ctx: click.Context) -> Iterable[str]:
    """Of the kubeconfig; no cluster is asked."""
    from rainbow.adapters.kubeconfig import read_kubeconfig

    return read_kubeconfig().contexts


@_quietly
def namespaces(ctx: click.Context) -> Iterable[str]:
    """Those in which there are releases; of the whole cluster where that may be asked, else those of the contexts."""
    from rainbow.adapters.kube import RELEASE, Forbidden
    from rainbow.adapters.kubeconfig import read_kubeconfig

    known = {namespace for namespace in read_kubeconfig().contexts.values() if namespace}
    try:
        return known | {obj["metadata"]["namespace"] for obj in _kube(ctx).list(RELEASE, None, brief=True)}
    except Forbidden:
        return known


@_quietly
def apps(ctx: click.Context) -> Iterable[str]:
    """Of the namespace that is meant."""
    return {app for app, _ in _found(ctx)}


@_quietly
def releases(ctx: click.Context) -> Iterable[str]:
    """Of the app that stands before."""
    return [release for app, release in _found(ctx) if app == ctx.params.get("app")]


@_quietly
def words(ctx: click.Context) -> Iterable[str]:
    """Of `plan`: an operation or an app first, then the other names."""
    from rainbow.errors import RainbowError
    from steps import STEPS

    given = list(ctx.params.get("words") or ())
    if given and given[0] in STEPS:
        found = _found(ctx)
        return [app for app, _ in found] if len(given) == 1 else [r for app, r in found if app == given[1]]
    if given:
        return []
    try:
        return [*STEPS, *(app for app, _ in _found(ctx))]
    except RainbowError:
        return STEPS


def known_apps(kube: Any, namespace: str | None) -> list[str]:
    """The apps of which there are releases."""
    return [app for app, _ in _labels(kube, namespace)]


def known_releases(kube: Any, namespace: str, app: str) -> list[str]:
    """The releases of an app that have a record, whether it can be understood or not."""
    return [release for of, release in _labels(kube, namespace) if of == app]


def no_app(kube: Any, namespace: str | None, app: str) -> str:
    """What to say when there is none of that name: those that there are."""
    there = ", ".join(sorted(set(known_apps(kube, namespace)))) or "none"
    where = "any namespace" if namespace is None else f"namespace {namespace}"
    return f"no release of an app {app} in {where}; there are: {there}. Are the name and the namespace right?"


def not_readable(why: PermanentError, namespace: str | None) -> PermanentError:
    """The error when the records may not be read, or are not known here."""
    from rainbow.adapters.kube import Forbidden
    from rainbow.errors import BadInput

    if isinstance(why, Forbidden):
        return why
    install = "rainbow install" + ("" if namespace is None else f" -n {namespace}")
    return BadInput(f"the releases cannot be read: {why}. Where Rainbow is not installed yet: {install}")


def _found(ctx: click.Context) -> list[tuple[str, str]]:
    from rainbow.cli.options import namespace_here

    return _labels(_kube(ctx), ctx.params.get("namespace") or namespace_here(ctx, None))


def _labels(kube: Any, namespace: str | None) -> list[tuple[str, str]]:
    from rainbow.adapters.kube import RELEASE
    from rainbow.model.names import APP_LABEL, RELEASE_LABEL

    labels = [obj["metadata"].get("labels") or {} for obj in kube.list(RELEASE, namespace, brief=True)]
    return [(found.get(APP_LABEL, ""), found.get(RELEASE_LABEL, "")) for found in labels]


def _kube(ctx: click.Context) -> Any:
    from rainbow.adapters.kube import connect

    return replace(connect(context=ctx.params.get("context")), attempts=1, timeout=REQUEST)
