"""What stands on the command line, checked: names, images and sources. Whatever is wrong is BadInput, exit 2."""

from __future__ import annotations

import posixpath
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from rainbow.adapters.git import PROTOCOLS, without_credentials
from rainbow.adapters.sources import pack
from rainbow.errors import BadInput
from rainbow.model.app import AppConfig
from rainbow.model.names import AppName, Namespace, ReleaseId
from rainbow.model.release import GitSource, Source

_GIT = re.compile(r"(?P<url>[^#\s]+)#(?P<commit>[0-9a-f]{40})(?::(?P<path>[^:]+))?")
# A user name, or one with a password, before the host. A port is no password.
_SECRET = re.compile(r"://(?:[^/@]+|[^/@:]+:(?!\d+/)[^@]*)@")
_SSH_USER = re.compile(r"ssh://[^/@:]+@[^@]*")  # not a secret: the key is
# Host with an optional port, path, tag, digest (distribution, "reference"), as far as it is the same everywhere.
_IMAGE = re.compile(
    r"(?:\[[0-9a-fA-F:]+\]|[\w.-]+)(?::\d+)?(?:/[\w.-]+)*(?::\w[\w.-]{0,127})?(?:@[a-z0-9+._-]+:[0-9a-fA-F]{32,})?",
    re.ASCII,
)


def namespace(value: str) -> str:
    """Of an app. Raises BadInput."""
    return _checked(Namespace, "--namespace", value)


def app_name(value: str) -> str:
    """Raises BadInput."""
    return _checked(AppName, "APP", value)


def release_id(value: str | None) -> str:
    """The id that is given, else the time. Raises BadInput."""
    return _checked(ReleaseId, "--release", datetime.now(UTC).strftime("%Y%m%d-%H%M%S") if value is None else value)


def _checked(kind: Any, flag: str, value: str) -> str:
    try:
        checked: str = TypeAdapter(kind).validate_python(value)
    except ValidationError as error:
        raise BadInput(f"{flag}: {error.errors()[0]['msg'].removeprefix('Value error, ')}") from error
    return checked


def images(app: AppConfig, given: tuple[str, ...]) -> dict[str, str]:
    """Image name → reference. Raises BadInput."""
    found: dict[str, str] = {}
    for text in given:
        name, equals, ref = text.partition("=")
        if not equals:
            if len(app.images) != 1:
                raise BadInput(f"--image {text}: say which image this is, as NAME={text}; {_known(app)}")
            name, ref = next(iter(app.images)), text
        if name not in app.images:
            raise BadInput(f"--image {text}: rainbow.yaml has no image {name}; {_known(app)}")
        if not ref:
            raise BadInput(f"--image {text}: the reference after {name}= is empty")
        if not _IMAGE.fullmatch(ref):
            raise BadInput(
                f"--image: {ref!r} is no image; expected registry.example/shop:tag or …/shop@sha256:<digest>"
            )
        if name in found:
            raise BadInput(f"--image {text}: {name} is given twice; keep one")
        found[name] = ref
    return found


def _known(app: AppConfig) -> str:
    return f"its images are: {', '.join(app.images) or 'none'}"


def source(app: AppConfig, given: dict[str, str], text: str | None, folder: Path) -> tuple[Source | None, bytes | None]:
    """Where to build from, and the packed folder when it is a folder; neither when every image is given."""
    if set(app.images) <= set(given):
        if text is not None:
            raise BadInput("--source: every image is given by --image, there is nothing to build")
        return None, None
    if text is None:
        return None, pack(folder, _containerfiles(app))
    if _SECRET.search(text) and not _SSH_USER.fullmatch(text):
        # It would be kept in the record of the release, for everyone who may read it. And it is not repeated here.
        raise BadInput(
            "--source: the URL has a user name or password in it, which would be stored in the record of the release; "
            "use a URL without, that the builder can read, or --source DIR"
        )
    if git := _GIT.fullmatch(text):
        url = git["url"]
        if url.partition("://")[0] not in PROTOCOLS or "://" not in url:
            raise BadInput(
                f"--source {without_credentials(url)}: the URL begins with none of {', '.join(PROTOCOLS)}://"
            )
        return Source(git=GitSource(url=url, commit=git["commit"], path=git["path"] or ".")), None
    if not text or not Path(text).is_dir():
        shown = without_credentials(text)
        raise BadInput(f"--source {shown}: neither a folder nor URL#COMMIT with a full commit hash of 40 characters")
    return None, pack(Path(text), _containerfiles(app))


def _containerfiles(app: AppConfig) -> list[str]:
    return [posixpath.normpath(posixpath.join(b.context, b.containerfile)) for b in app.images.values()]
