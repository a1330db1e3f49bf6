"""The command `rainbow`.

Commands are imported when they are called: a step's pod neither has nor pays for what only people's commands need.
"""

from __future__ import annotations

import sys
from importlib import import_module

import click

from rainbow import __version__
from rainbow.cli.options import before_the_command, refuse_unheeded, what_next
from rainbow.errors import RainbowError

# Command → the module with a click command of that name ("-" written as "_") and its line in `--help`.
COMMANDS = {
    "init": ("rainbow.cli.init", "Write rainbow.yaml for an app, from its base, its chart or what runs."),
    "lint": ("rainbow.cli.lint", "Check the manifests of an app, and complete them."),
    "release": ("rainbow.cli.release", "Release an app: submit the workflow and follow it."),
    "follow": ("rainbow.cli.release", "Follow a release that was submitted before."),
    "status": ("rainbow.cli.status", "How each release stands: phase, traffic, tasks left, what it waits for."),
    "history": ("rainbow.cli.history", "Who released what and when, how long it was live, what became of it."),
    "approve": ("rainbow.cli.approve", "Let a release go live that waits for approval, or reject it."),
    "adopt": ("rainbow.cli.adopt", "Make what runs as plain Deployments the first release of its app."),
    "rollback": ("rainbow.cli.rollback", "Go back to an earlier release that is still there."),
    "switch": ("rainbow.cli.rollback", "Switch to a release that has passed its tests."),
    "redeploy": ("rainbow.cli.redeploy", "Have a release again that was deleted."),
    "hold": ("rainbow.cli.hold", "Hold an app (nothing is switched) or a release (it is not deleted)."),
    "resume": ("rainbow.cli.hold", "End the hold of an app or of a release."),
    "contract": ("rainbow.cli.contract", "Remove the old structure of a schema change, once nothing needs it."),
    "collect-garbage": ("rainbow.cli.collect_garbage", "Delete all that is due, of every app, at once."),
    "plan": ("rainbow.cli.plan", "What becomes of each release, and why; or what an operation would do."),
    "probe": ("rainbow.cli.probe", "Send requests without pause, and say whether users would have noticed anything."),
    "prove": ("rainbow.cli.prove", "Release an app again and again under a probe: every answer has to be a success."),
    "report": ("rainbow.cli.report", "Draw the releases of an app over time: a page, as a file or live."),
    "policy": ("rainbow.cli.policy", "Show or change what is in force for the releases of an app."),
    "install": ("rainbow.cli.install", "Install what releases need into a namespace, or check the cluster for it."),
    "uninstall": ("rainbow.cli.uninstall", "Take away what install has brought; releases stay as they are."),
    "render": ("rainbow.cli.render", "Print what install would apply, as YAML."),
    "ci-kubeconfig": ("rainbow.cli.ci_kubeconfig", "Print a kubeconfig for CI: submit, plan and follow, nothing else."),
    "completion": ("rainbow.cli.completion", "Print the script that completes commands and names in your shell."),
    "monitoring": ("rainbow.cli.monitoring", "Print what shows releases in Prometheus and Grafana."),
    "schema": ("rainbow.cli.schema", "Print the JSON Schema of rainbow.yaml."),
    "cluster": ("cluster.commands", "The embedded cluster: real Kubernetes and Argo on this machine."),
    "step": ("rainbow.cli.step", "Run one step by hand, as its pod would."),
}


# Package that is not everywhere → what brings it.
EXTRAS = {"hera": "cli", "rich": "cli", "ruamel": "cli", "vl_convert": "report"}


class LazyGroup(click.Group):
    """A group whose commands are imported on demand."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The commands, in the order of the table."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import it."""
        if cmd_name not in COMMANDS:
            return None
        module = import_module(COMMANDS[cmd_name][0])
        command: click.Command = getattr(module, cmd_name.replace("-", "_"))
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List them without importing any."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, line) for name, (_, line) in COMMANDS.items()])


def _missing(package: str) -> str:
    if package == "cluster":
        return (
            "the embedded cluster belongs to the sources of Rainbow: clone the project, and run `make cluster-up` there"
        )
    said = f"this needs the package {package}, which is not installed here"
    return f"{said}: pip install 'rainbow[{EXTRAS[package]}]'" if package in EXTRAS else said


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="rainbow")
@before_the_command
@click.pass_context
def cli(ctx: click.Context, /, **before: str | None) -> None:
    """Releases that nobody notices.

    Exit codes: 0 done; 1 failed; 2 wrong input, nothing was changed; 75 failed for now, try again; 130 interrupted.

    \b
    Examples:
      rainbow release -f rainbow.yaml
      rainbow status --watch
      rainbow rollback shop --reason "errors at checkout"
      rainbow --context production -n shop status
    """
    if any(before.values()) and ctx.invoked_subcommand:
        refuse_unheeded(ctx, cli.get_command(ctx, ctx.invoked_subcommand))


def main(arguments: list[str] | None = None) -> None:
    """Run the command line and leave with its exit code."""
    try:
        code = cli.main(args=arguments, prog_name="rainbow", standalone_mode=False)
    except click.exceptions.Abort:
        sys.exit(130)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except ModuleNotFoundError as error:  # of a package that not every installation has
        click.echo(f"error: {_missing(str(error.name).partition('.')[0])}", err=True)
        sys.exit(1)
    except RainbowError as error:
        click.echo(f"error: {error}", err=True)
        if next_ := what_next(error):
            click.echo(next_, err=True)
        sys.exit(error.exit_code)
    sys.exit(code if isinstance(code, int) else 0)
