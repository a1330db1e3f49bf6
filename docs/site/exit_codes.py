"""The page of the exit codes, from the errors themselves."""

from __future__ import annotations

from collections.abc import Iterator
from inspect import getdoc

from docs.site.markdown import code, table, text
from rainbow import errors

BESIDE = {
    0: "Done: what was asked for is so. Asking for it once more changes nothing.",
    130: "Interrupted by Ctrl-C. What was submitted goes on in the cluster.",
}
_ARGO = (
    "Argo runs a step again that ended with 75, that was killed (137, 143), or whose pod is gone without a word; "
    "after any other code it fails for good, and waits for a person's Retry. 64 is never used, as Argo's executor "
    "uses it for failures of its own."
)


def page() -> str:
    """Code, and what it says of what was done."""
    codes: dict[int, list[str]] = {number: [line] for number, line in BESIDE.items()}
    for error in _all(errors.RainbowError):
        codes.setdefault(error.exit_code, []).append(f"`{error.__name__}`: {getdoc(error)}")
    rows = [[code(number), "<br>".join(text(line) for line in lines)] for number, lines in sorted(codes.items())]
    intro = "All commands and all steps end with one of these; they are not going to change their meaning.\n"
    return "\n".join(["# Exit codes\n", intro, table(["code", "meaning"], rows), text(_ARGO)]) + "\n"


def _all(error: type[errors.RainbowError]) -> Iterator[type[errors.RainbowError]]:
    if error is not errors.RainbowError:
        yield error
    for below in error.__subclasses__():
        if below.__module__ == errors.__name__:
            yield from _all(below)
