"""Writes configuration files at once, and only when they change: a file's content decides about a restart."""

from __future__ import annotations

from pathlib import Path

import yaml


def write(path: Path, text: str, mode: int = 0o644) -> Path:
    """Write a file at once, and only when its content changes."""
    if path.exists() and path.read_text(encoding="utf-8") == text:
        return path
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f"{path.name}.partial")
    partial.touch(mode=mode)
    partial.write_text(text, encoding="utf-8")
    partial.replace(path)
    return path


def write_yaml(path: Path, document: object) -> Path:
    """Write a configuration file."""
    return write(path, yaml.safe_dump(document, sort_keys=False))
