"""URLs, paths and image names, checked before anybody uses them: a wrong one is an error of rainbow.yaml.

Nothing that is refused is repeated in the message when it may hold a password.
"""

from __future__ import annotations

import re
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field

# Repository names (OCI Distribution, "Pulling manifests"), with a registry's host and port in front or none.
_PART = r"[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*"
_IMAGE_NAME = re.compile(rf"(?:{_PART}(?::[0-9]{{1,5}})?/)?{_PART}(?:/{_PART})*")


def _http_url(value: str) -> str:
    if "@" in value:
        raise ValueError(
            "expected a URL without user and password: they would be readable in the record of every release; "
            "use an address that needs none from within the cluster"
        )
    if not _printable(value):
        raise ValueError(f"found {value!r}, expected a URL of ASCII characters without blanks")
    try:
        parts = urlsplit(value)
        host, port = parts.hostname, parts.port
    except ValueError as error:  # a bracket that is never closed, a port that is no number or too large
        raise ValueError(f"found {value!r}, which is no URL: {error}") from None
    if not host:
        raise ValueError(f"found {value!r}, expected a host after {parts.scheme}://")
    if port == 0 or parts.netloc.endswith(":"):
        raise ValueError(f"found {value!r}, expected a port between 1 and 65535, or none")
    return value


def _url_path(value: str) -> str:
    if not _printable(value):
        raise ValueError(f"found {value!r}, expected a path of ASCII characters without blanks; encode others as %20")
    return value


def _image_name(value: str) -> str:
    if not _IMAGE_NAME.fullmatch(value):
        raise ValueError(
            f"found {value!r}, expected the name of an image without tag: a-z, 0-9, and single '.', '_', '-' or '/' "
            "between them"
        )
    return value


def _image_reference(value: str) -> str:
    if not value or not _printable(value):
        raise ValueError(f"found {value!r}, expected an image, of ASCII characters without blanks")
    return value


def _printable(text: str) -> bool:
    return all("!" <= character <= "~" for character in text)


HttpUrl = Annotated[str, Field(pattern=r"^https?://"), AfterValidator(_http_url)]
UrlPath = Annotated[str, Field(pattern=r"^/"), AfterValidator(_url_path)]
ImageName = Annotated[str, AfterValidator(_image_name)]
ImageReference = Annotated[str, AfterValidator(_image_reference)]
