"""`rainbow step …`: every step with its flags, made from its `Params`."""

from __future__ import annotations

import signal
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from types import FrameType
from typing import Any, get_origin

import click
from pydantic import ValidationError
from pydantic.fields import FieldInfo

from rainbow.adapters.world import World
from rainbow.cli.options import cluster_options
from rainbow.errors import BadInput, RainbowError, TemporaryError
from steps import STEPS, load
from steps.shape import CommonParams

_EXAMPLES = {"namespace": "shop", "app": "shop", "release": "v7", "reason": "why", "registry": "registry.example"}

STOPPED = "asked to stop (SIGTERM); run the step again to go on"


class StepGroup(click.Group):
    """The steps as commands; only the one that is called is imported."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The steps in the order of the table."""
        return list(STEPS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The step as a command."""
        return _command(cmd_name) if cmd_name in STEPS else None

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List them without importing any."""
        with formatter.section("Steps"):
            formatter.write_dl(list(STEPS.items()))


@click.group(cls=StepGroup)
@cluster_options
@click.pass_context
def step(ctx: click.Context, context: str | None) -> None:
    """Run one step by hand, just as its pod would. Every step can be run again at any time.

    \b
    Example:
      rainbow step switch --namespace shop --app shop --release v7 --dry-run
    """
    ctx.obj = context


def _command(name: str) -> click.Command:
    module = load(name)

    def call(**values: Any) -> None:
        run_here(name, values, click.get_current_context().obj)

    options: list[click.Parameter] = [_option(key, field) for key, field in module.Params.model_fields.items()]
    return click.Command(
        name, callback=call, params=options, help=f"{STEPS[name]}\n\n{_text(module)}\n\n{_example(name, module)}"
    )


def _example(name: str, module: Any) -> str:
    """With whatever it cannot do without."""
    needed = [key for key, field in module.Params.model_fields.items() if field.is_required()]
    flags = " ".join(f"--{key.replace('_', '-')} {_EXAMPLES.get(key, 'VALUE')}" for key in needed)
    return f"\b\nExample:\n  rainbow step {name} {flags} --dry-run"


def checked(name: str, values: Mapping[str, Any]) -> CommonParams:
    """The Params of a step. Raises BadInput. An input of a workflow that was left out arrives as an empty text."""
    given = {key: value for key, value in values.items() if value not in (None, (), "")}
    try:
        return load(name).Params.model_validate(given)
    except ValidationError as error:
        raise BadInput("; ".join(_complaint(e) for e in error.errors())) from error


def run_here(name: str, values: Mapping[str, Any], context: str | None) -> None:
    """Run a step in this process, as its pod would."""
    params = checked(name, values)
    before = signal.signal(signal.SIGTERM, _stop)
    try:
        world = World.real(context=context)
        _run_and_tell(name, params, world)
    except Stopped:
        raise TemporaryError(STOPPED) from None
    finally:
        signal.signal(signal.SIGTERM, before)


def _run_and_tell(name: str, params: CommonParams, world: World) -> None:
    """Run it, and leave its last line, or why it failed, for the Argo UI."""
    last = [""]

    def say(line: str) -> None:
        last[0] = line
        world.say(line)

    try:
        load(name).run(params, replace(world, say=say))
    except RainbowError as error:
        world.ended(str(error))
        raise
    except Stopped:
        world.ended(STOPPED)
        raise
    world.ended(last[0])


def _option(name: str, field: FieldInfo) -> click.Option:
    # Everything is read as text and validated by the model, so that a flag and an Argo parameter are judged alike.
    shape: dict[str, Any] = {"type": str}
    if field.annotation is bool:
        # With or without a value: as an Argo parameter it always has one, which is empty when it was left out.
        shape = {"type": str, "is_flag": False, "flag_value": "true"}
    elif get_origin(field.annotation) in (list, tuple):
        shape = {"type": str, "multiple": True}
    help_text = field.description or ""
    if not field.is_required() and field.default not in (None, False, ()):
        help_text += f"  [default: {_shown(field.default)}]"
    short = ["-n"] if name == "namespace" else []
    return click.Option([*short, f"--{name.replace('_', '-')}"], required=field.is_required(), help=help_text, **shape)


def _shown(value: Any) -> str:
    if isinstance(value, timedelta):
        from rainbow.model.durations import format_duration

        return format_duration(value)
    return str(value)


def _text(module: object) -> str:
    return (module.__doc__ or "").split("\n\n", 1)[-1].strip()


def _complaint(error: Any) -> str:
    where = "--" + "-".join(str(part) for part in error["loc"]).replace("_", "-")
    return f"{where}: {error['msg'].removeprefix('Value error, ')}"


class Stopped(KeyboardInterrupt):
    """SIGTERM: Kubernetes wants the pod gone. No handler of errors on the way may take it for one of its own.

    A KeyboardInterrupt, since asyncio hands on no other exception that a signal raises in the middle of its loop.
    """


def _stop(number: int, frame: FrameType | None) -> None:
    raise Stopped
