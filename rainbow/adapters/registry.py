"""One question to an image registry: is an image of this tag there, and which digest has it?

OCI Distribution Specification, "Checking if content exists in the registry". Without credentials: a registry that
wants some is pushed to by buildah with its own login, and asked nothing here.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from tenacity import retry, retry_if_exception_type, stop_after_attempt, wait_exponential_jitter

from rainbow.errors import PermanentError, TemporaryError

TIMEOUT = (5, 15)  # seconds to connect, seconds to read
_DIGEST = re.compile(r"^sha256:[0-9a-f]{64}$")
_MANIFESTS = (
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.docker.distribution.manifest.v2+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
)


@dataclass(frozen=True)
class Registry:
    """`host[:port]`, and whether it speaks plain HTTP."""

    host: str
    insecure: bool = False
    ca_bundle: Path | None = None

    @retry(
        retry=retry_if_exception_type(TemporaryError),
        stop=stop_after_attempt(4),
        wait=wait_exponential_jitter(multiplier=0.3, max=3),
        reraise=True,
    )
    def digest(self, repository: str, tag: str) -> str | None:
        """The digest of an image, None when there is none, or when the registry wants a login to say so."""
        import requests

        url = f"{'http' if self.insecure else 'https'}://{self.host}/v2/{repository}/manifests/{tag}"
        verify: bool | str = str(self.ca_bundle) if self.ca_bundle else True
        try:
            answer = requests.head(
                url, headers={"Accept": ", ".join(_MANIFESTS)}, timeout=TIMEOUT, verify=verify, allow_redirects=True
            )
        except requests.RequestException as error:
            raise TemporaryError(f"registry {self.host} does not answer: {error}") from error
        if answer.status_code in (401, 403, 404):
            return None
        if answer.status_code != 200:
            said = f"registry {self.host} answers {answer.status_code} to HEAD {url}"
            raise TemporaryError(said) if answer.status_code in (429, *range(500, 600)) else PermanentError(said)
        digest = answer.headers.get("Docker-Content-Digest", "")
        return digest if _DIGEST.match(digest) else None
