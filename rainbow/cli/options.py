"""Options that several commands have, so that they are called alike everywhere.

Those that say which cluster is meant may also stand before the command, as with kubectl and argo.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from rainbow.cli import names
from rainbow.errors import RainbowError

Command = Callable[..., Any]
VARIABLE = "KUBECONFIG"
CONTEXT = "context of the kubeconfig  [default: its current one]"
KUBECONFIG = "kubeconfig to use  [default: $KUBECONFIG, or ~/.kube/config; in a pod its ServiceAccount]"
NAMESPACE = "namespace of the app  [default: that of the context]"

file_option = click.option(
    "-f",
    "--file",
    "path",
    type=click.Path(path_type=Path, dir_okay=False),
    default=Path("rainbow.yaml"),
    show_default=True,
    help="the app",
)


def use_kubeconfig(ctx: click.Context, _option: click.Parameter, value: str | None) -> None:
    """Set it for as long as the command runs, for all that asks a cluster in it."""
    if value is None:
        return
    before = os.environ.get(VARIABLE)
    os.environ[VARIABLE] = value

    def restore() -> None:
        os.environ.pop(VARIABLE, None)
        if before is not None:
            os.environ[VARIABLE] = before

    if not ctx.resilient_parsing:  # completion closes the context before it asks for names
        ctx.call_on_close(restore)


def given_before(ctx: click.Context, name: str) -> Any:
    """What was said before the command."""
    root = ctx.find_root()
    return None if root is ctx else root.params.get(name)


def _context(ctx: click.Context, _option: click.Parameter, value: str | None) -> Any:
    return given_before(ctx, "context") if value is None else value


def namespace_here(ctx: click.Context, value: str | None) -> str:
    """The namespace that is meant: what was said, else what the context says. Raises BadInput for an impossible one."""
    from rainbow.adapters.kubeconfig import namespace_of
    from rainbow.cli import arguments

    given = given_before(ctx, "namespace") if value is None else value
    return arguments.namespace(namespace_of(ctx.params.get("context")) if given is None else given)


def _namespace(ctx: click.Context, _option: click.Parameter, value: str | None) -> str:
    return namespace_here(ctx, value)


_context_option = click.option(
    "--context", metavar="NAME", help=CONTEXT, is_eager=True, callback=_context, shell_complete=names.contexts
)
_kubeconfig_option = click.option(
    "--kubeconfig",
    metavar="FILE",
    type=click.Path(dir_okay=False),
    help=KUBECONFIG,
    is_eager=True,
    expose_value=False,
    callback=use_kubeconfig,
)
namespace_option = click.option(
    "-n", "--namespace", metavar="NAME", help=NAMESPACE, callback=_namespace, shell_complete=names.namespaces
)
app_argument = click.argument("app", shell_complete=names.apps)
release_argument = click.argument("release", shell_complete=names.releases)
release_or_none = click.argument("release", required=False, shell_complete=names.releases)


def before_the_command(group: Command) -> Command:
    """The same options for the whole command line; a command that stands behind them takes them up."""
    context = click.option("--context", metavar="NAME", help=CONTEXT, shell_complete=names.contexts)
    namespace = click.option("-n", "--namespace", metavar="NAME", help=NAMESPACE, shell_complete=names.namespaces)
    return context(_kubeconfig_option(namespace(group)))


def refuse_unheeded(ctx: click.Context, command: click.Command | None) -> None:
    """What was said before a command that takes no such option is not dropped in silence. Raises UsageError."""
    if command is None or isinstance(command, click.Group):
        return
    taken = {parameter.name for parameter in command.params}
    for name in ("context", "namespace"):
        if ctx.params.get(name) is not None and name not in taken:
            why = "; the file says it" if "path" in taken and name == "namespace" else ""
            raise click.UsageError(f"`rainbow {command.name}` takes no --{name}{why}.", ctx)


def cluster_options(command: Command) -> Command:
    """Which cluster is meant: `context`, and --kubeconfig, which is in force by itself."""
    return _context_option(_kubeconfig_option(command))


def app_options(command: Command) -> Command:
    """Which cluster and which namespace is meant: `context` and `namespace`."""
    return namespace_option(cluster_options(command))


def what_next(error: RainbowError) -> str:
    """What a person may look at, where the error itself does not know it."""
    from rainbow.adapters.kube import Away
    from rainbow.adapters.kubeconfig import in_pod

    if not isinstance(error, Away) or in_pod(None):
        return ""
    return "Is the cluster up, and is it the right one? --context, --kubeconfig and KUBECONFIG say which one is asked."
