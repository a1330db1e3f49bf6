"""The commands `rainbow cluster up | down | status | logs | env`."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import click

from cluster.context import Context
from cluster.report import Report
from rainbow.errors import BadInput

MEBIBYTE = 2**20


@click.group()
def cluster() -> None:
    """Real Kubernetes and Argo Workflows on this Linux machine, without Docker.

    \b
    Examples:
      rainbow cluster up
      rainbow cluster status
      rainbow cluster down
    """
    # A shell that became root by su has no sbin on its path, where ip, nft and iptables are.
    os.environ["PATH"] = os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/sbin"])


@cluster.command()
def up() -> None:
    """Build, start and mend: afterwards every part is ready. Safe to run at any time.

    \b
    Example:
      rainbow cluster up
    """
    from cluster.up import up as bring_up

    context = Context.from_environment()
    with Report() as report:
        bring_up(context, report)
        report.line(f"ready: export KUBECONFIG={context.kubeconfig}")


@cluster.command()
@click.option("--purge", is_flag=True, help="Also remove the cluster's state: objects, images, volumes, certificates.")
def down(*, purge: bool) -> None:
    """Stop everything and leave nothing of it on the machine; the state is kept for the next `up`.

    \b
    Examples:
      rainbow cluster down
      rainbow cluster down --purge
    """
    from cluster.down import down as take_down

    with Report() as report:
        take_down(Context.from_environment(), report, purge=purge)


@cluster.command()
@click.option("-o", "--output", type=click.Choice(["text", "json"]), default="text", show_default=True, help="Form.")
def status(output: str) -> None:
    """Show each part's state, process or pod, and memory. Exit code 1 unless every part runs.

    \b
    Examples:
      rainbow cluster status
      rainbow cluster status -o json
    """
    from cluster.status import status as look
    from cluster.status import total

    lines = look(Context.from_environment())
    if output == "json":
        parts = [{"part": line.part, "state": line.state, "where": line.where, "memory": line.memory} for line in lines]
        click.echo(json.dumps({"parts": parts, "memory": total(lines)}, indent=2))
    else:
        width = max(len(line.part) for line in lines)
        for line in lines:
            memory = f"{line.memory / MEBIBYTE:6.0f} MiB" if line.memory is not None else " " * 10
            click.echo(f"{line.part:{width}}  {memory}  {line.state:14}  {line.where}")
        click.echo(f"{'total':{width}}  {total(lines) / MEBIBYTE:6.0f} MiB")
    sys.exit(0 if all(line.good for line in lines) and len(lines) > 1 else 1)


@cluster.command()
@click.argument("part", required=False)
@click.option("-f", "--follow", is_flag=True, help="Go on printing as lines are written.")
@click.option("-n", "--lines", default=50, show_default=True, help="How many of the last lines.")
def logs(part: str | None, lines: int, *, follow: bool) -> None:
    """Print the log of a part: a process, or a pod by its name or the start of it. Without a part: of all processes.

    \b
    Examples:
      rainbow cluster logs kube-apiserver --lines 100
      rainbow cluster logs traefik --follow
    """
    context = Context.from_environment()
    files = _log_files(context, part)
    command = ["tail", f"--lines={lines}", *(["--follow=name"] if follow else []), *map(str, files)]
    sys.stdout.flush()
    os.execvp(command[0], command)  # noqa: S606


def _log_files(context: Context, part: str | None) -> list[Path]:
    processes = {file.stem: file for file in sorted(context.logs.glob("*.log"))}
    if part is None:
        if not processes:
            raise BadInput(f"there are no logs in {context.logs}: run `rainbow cluster up` first")
        return list(processes.values())
    if part in processes:
        return [processes[part]]
    # Kubelet's own layout: <namespace>_<pod>_<uid>/<container>/<restarts>.log
    pods = sorted(context.logs.glob(f"pods/*_{part}*_*/*/*.log"), key=lambda file: file.stat().st_mtime)
    if not pods:
        known = {directory.name.split("_")[1] for directory in context.logs.glob("pods/*_*_*")}
        raise BadInput(f"no part {part!r}; there are: {', '.join([*processes, *sorted(known)])}")
    return pods[-1:]


@cluster.command()
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.argument("name")
@click.option("--build-arg", "arguments", multiple=True, metavar="KEY=VALUE", help="for its Containerfile")
def image(folder: Path, name: str, arguments: tuple[str, ...]) -> None:
    """Build the image of a FOLDER with a Containerfile, push it to the cluster's registry, and print its reference.

    \b
    Example:
      rainbow cluster image . shop --build-arg VERSION=7
    """
    from cluster.parts.images import build_folder

    given = dict(argument.split("=", 1) for argument in arguments if "=" in argument)
    if len(given) != len(arguments):
        raise BadInput("--build-arg: expected KEY=VALUE, each key once")
    click.echo(build_folder(Context.from_environment(), folder.resolve(), name, given))


@cluster.command()
def env() -> None:
    """Print what to set in a shell.

    \b
    Example:
      eval "$(rainbow cluster env)"
    """
    context = Context.from_environment()
    if not context.kubeconfig.exists():
        raise BadInput("there is no cluster: run `rainbow cluster up` first")
    click.echo(f"export KUBECONFIG={context.kubeconfig}")
    click.echo(f"export RAINBOW_SETTINGS={context.settings}")
