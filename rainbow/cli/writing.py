"""Writing what `rainbow init` has drafted: all of it or nothing, and never over what is there."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path

from pydantic import ValidationError

from rainbow.adapters.config_file import check_base, read_config
from rainbow.adapters.manifests import read_base
from rainbow.decisions.draft_text import Draft
from rainbow.errors import BadInput


def refuse_existing(path: Path, *, force: bool) -> None:
    """Raises BadInput for a file that is there, and for what is no file, whatever is forced."""
    if path.exists() and not path.is_file():
        raise BadInput(f"{path} is no file that could be written anew")
    if path.exists() and not force:
        raise BadInput(f"{path} is there already, and is left as it is; write another one with -f FILE, or --force")
    if not path.parent.is_dir():
        raise BadInput(f"there is no folder {path.parent}")


def checked(complete: Callable[[], Draft]) -> Draft:
    """The completed draft. Raises BadInput when an answer makes no sense in rainbow.yaml."""
    try:
        return complete()
    except ValidationError as error:
        said = [f"{'.'.join(map(str, e['loc']))}: {e['msg'].removeprefix('Value error, ')}" for e in error.errors()]
        raise BadInput("this would be no rainbow.yaml, and nothing was written: " + "; ".join(said)) from error


def write(path: Path, text: str, files: Mapping[Path, str]) -> list[str]:
    """Write them, when the file can be read. What of the manifests no release can have is returned, a line each."""
    draft = path.with_name(f".{path.name}.draft")
    before = {file: file.read_bytes() if file.is_file() else None for file in files}
    try:
        for file, content in files.items():
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(content, encoding="utf-8")
        draft.write_text(text, encoding="utf-8")
        app = read_config(draft)
        base = read_base(draft, app)
        os.replace(draft, path)
    except BaseException as error:
        for file, was in before.items():
            _put_back(file, was)
        if isinstance(error, OSError | BadInput):
            raise BadInput(f"nothing was written: {error}".replace(str(draft), str(path))) from error
        raise
    finally:
        draft.unlink(missing_ok=True)
    try:
        check_base(path, app, base)
    except BadInput as error:
        return str(error).splitlines()
    return []


def _put_back(file: Path, content: bytes | None) -> None:
    if content is not None:
        file.write_bytes(content)
    elif file.parent.is_dir():
        file.unlink(missing_ok=True)
        if not any(file.parent.iterdir()):
            file.parent.rmdir()
