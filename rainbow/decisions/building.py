"""What an image is called by what goes into it, and whether a build that failed is worth another try."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from rainbow.model.app import ImageBuild

# Words of the Go libraries under buildah, in the line in which it says why it ended, when a registry cannot be reached.
_TEMPORARY = re.compile(
    r"connection refused|connection reset|no such host|i/o timeout|TLS handshake timeout|deadline exceeded"
    r"|server misbehaving|temporary failure|unexpected EOF|network is unreachable|no route to host|broken pipe"
    r"|(?:status|code):? ?(?:429|5\d\d)|50[0234] |too many requests|service unavailable|bad gateway",
    re.IGNORECASE,
)
# An instruction of the user's own that failed: whatever it printed, another try gives the same.
_INSTRUCTION = re.compile(r"building at STEP|exit status|subprocess exited", re.IGNORECASE)


@dataclass(frozen=True)
class BuildInputs:
    """All that an image depends on. `tree` is the hash of the files of its context."""

    tree: str
    build: ImageBuild
    arguments: Mapping[str, str]


def content_tag(inputs: BuildInputs) -> str:
    """The tag of the image: same sources, Containerfile, stage and arguments, same tag; so nothing is built twice."""
    parts = [inputs.tree, inputs.build.containerfile, inputs.build.target, sorted(inputs.arguments.items())]
    return "src-" + hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:24]


def is_temporary(last_lines: Sequence[str]) -> bool:
    """Whether buildah failed for a reason that may pass, judged by its own last error line."""
    errors = [line for line in last_lines if line.startswith(("Error:", "error "))]
    if not errors:
        return False
    return bool(_TEMPORARY.search(errors[-1])) and not _INSTRUCTION.search(errors[-1])
