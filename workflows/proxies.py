"""How builds and steps reach what is outside of the cluster: the proxy of a company, and what is never asked of it.

Programs read the variables in capitals or in small letters (curl: only in small ones), so both are set.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

from hera.workflows import Env, SecretEnv
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

# Names within the cluster, and the API server, whose address the kubelet fills in (Kubernetes, "Define Dependent
# Environment Variables"): a step that asked the proxy for it would hand over its token.
WITHIN = ("localhost", "127.0.0.1", "::1", ".svc", ".cluster.local", "$(KUBERNETES_SERVICE_HOST)")
HTTP, HTTPS, NO = "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY"
SecretName = Annotated[str, Field(pattern=r"^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?$")]


def _without_password(value: str) -> str:
    if "@" in value or not value.startswith(("http://", "https://")):
        # It is not repeated here. Fixed into templates, everybody who may read those could read it.
        raise ValueError("expected http://HOST:PORT without user and password; for those name a Secret: proxy.secret")
    return value


_Address = Annotated[str, AfterValidator(_without_password)]


class Proxy(BaseModel):
    """`proxy` of the settings. Its addresses, or the Secret that has them because they hold a password."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    http: _Address | None = Field(default=None, description="proxy for http://, without user and password")
    https: _Address | None = Field(default=None, description="proxy for https://, without user and password")
    secret: SecretName | None = Field(
        default=None,
        description=f"instead: a Secret of the app's namespace with the keys {HTTP} and {HTTPS}, for a proxy that "
        "wants a password",
    )
    no_proxy: list[Annotated[str, Field(pattern=r"^[^\s,]+$")]] = Field(
        default_factory=list,
        description="hosts and domains asked directly, beside names that end with .svc or .cluster.local; the host of "
        "an address in rainbow.yaml such as http://prometheus.monitoring:9090 belongs here",
    )

    @model_validator(mode="after")
    def _one_way(self) -> Proxy:
        if (self.secret is None) == (self.http is None and self.https is None):
            raise ValueError("expected http and https, or else the name of a secret")
        return self

    def env(self) -> Iterator[Env | SecretEnv]:
        """The variables of a container."""
        for name, value in ((HTTP, self.http), (HTTPS, self.https)):
            for spelled in (name, name.lower()):
                if self.secret is not None:
                    yield SecretEnv(name=spelled, secret_name=self.secret, secret_key=name)
                elif value is not None:
                    yield Env(name=spelled, value=value)
        for spelled in (NO, NO.lower()):
            yield Env(name=spelled, value=",".join([*WITHIN, *self.no_proxy]))
