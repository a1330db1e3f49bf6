"""What a company's network asks for, in the rendered YAML: registries with a login, proxies, an instanceID."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
import yaml
from pydantic import ValidationError

from rainbow.adapters import world
from rainbow.adapters.restricted_pod import restricted
from rainbow.adapters.submission import installed
from rainbow.adapters.workflows import workflow_object
from steps import STEPS
from tests.workflows.test_installation import SETTINGS, Object, objects, templates
from workflows.installation import installation, of_ci
from workflows.settings import Settings

HOME = "$(KUBERNETES_SERVICE_HOST)"


def settings(**changes: Any) -> Settings:
    """The usual settings with something else beside them."""
    return Settings.model_validate(SETTINGS.model_dump() | changes)


def env(template: Object) -> dict[str, Any]:
    """Its variables: a text, or where it comes from."""
    return {each["name"]: each.get("value", each.get("valueFrom")) for each in template["container"]["env"]}


def test_a_proxy_reaches_builds_and_steps_and_the_api_server_is_asked_directly() -> None:
    """Its address in capitals and small letters; a token is never handed to it."""
    proxy = {"http": "http://proxy:3128", "https": "http://proxy:3129", "no_proxy": ["prometheus.monitoring", ".corp"]}
    found = templates(settings(proxy=proxy))
    for step in STEPS:
        given = env(found[step])
        assert given["HTTP_PROXY"] == given["http_proxy"] == "http://proxy:3128"
        assert given["HTTPS_PROXY"] == given["https_proxy"] == "http://proxy:3129"
        direct = given["NO_PROXY"].split(",")
        assert given["no_proxy"] == given["NO_PROXY"]
        assert {HOME, "localhost", ".svc", ".cluster.local", "prometheus.monitoring", ".corp"} <= set(direct)


def test_a_proxy_with_a_password_comes_from_a_secret() -> None:
    """By reference: the text is in no template, no parameter and no log."""
    found = templates(settings(proxy={"secret": "company-proxy"}))
    for step in STEPS:
        given = env(found[step])
        for name in ("HTTP_PROXY", "HTTPS_PROXY"):
            reference = {"secretKeyRef": {"name": "company-proxy", "key": name}}
            assert given[name] == given[name.lower()] == reference
    roles = yaml.safe_dump(objects("Role", settings(proxy={"secret": "company-proxy"})))
    assert "secrets" not in roles


@pytest.mark.parametrize(
    "wrong",
    [
        {"https": "http://user:hidden@proxy:3128"},
        {"http": "proxy:3128"},
        {"no_proxy": [".corp"]},
        {"http": "http://proxy:3128", "secret": "both"},
        {"secret": "Not A Name"},
        {"http": "http://proxy:3128", "no_proxy": ["a,b"]},
    ],
)
def test_a_proxy_that_cannot_be_is_refused(wrong: dict[str, Any]) -> None:
    """A password above all, which everybody who may read templates would read."""
    with pytest.raises(ValidationError) as refused:
        settings(proxy=wrong)
    said = "; ".join(error["msg"] for error in refused.value.errors(include_input=False))
    assert "hidden" not in said


def test_images_are_pulled_with_the_secrets_that_are_named() -> None:
    """Those of the steps by their ServiceAccounts; of tests and migrations the steps that start them are told."""
    wanted = settings(image_pull_secrets=["one", "two"])
    for account in objects("ServiceAccount", wanted):
        assert account["imagePullSecrets"] == [{"name": "one"}, {"name": "two"}]
    for step in STEPS:
        assert env(templates(wanted)[step])["RAINBOW_IMAGE_PULL_SECRETS"] == "one,two"
    assert all("imagePullSecrets" not in account for account in objects("ServiceAccount"))


def test_pods_of_tests_and_migrations_are_pulled_with_them_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """The step that starts one was told their names by its template; without any the pod names none."""
    monkeypatch.setenv("RAINBOW_IMAGE_PULL_SECRETS", "one,two")
    monkeypatch.setattr(world, "connect", lambda **_: None)
    told = world.World.real().pull_secrets
    assert told == ("one", "two")
    lasting = {"timeout": timedelta(minutes=1), "grace": timedelta(seconds=1)}
    assert restricted({}, **lasting, pull_secrets=told)["imagePullSecrets"] == [{"name": "one"}, {"name": "two"}]
    assert "imagePullSecrets" not in restricted({}, **lasting)


def test_the_builder_logs_in_with_a_file_that_nobody_else_has() -> None:
    """Mounted where buildah looks for it, into the pod of the step build alone."""
    found = templates(settings(registry_secret="registry-login"))
    (volume,) = [v for v in found["build"]["volumes"] if "secret" in v]
    assert volume["secret"]["secretName"] == "registry-login"
    assert volume["secret"]["items"] == [{"key": ".dockerconfigjson", "path": "config.json"}]
    (mount,) = [m for m in found["build"]["container"]["volumeMounts"] if m["name"] == volume["name"]]
    assert env(found["build"])["REGISTRY_AUTH_FILE"] == f"{mount['mountPath']}/config.json"
    others = yaml.safe_dump([found[step] for step in STEPS if step != "build"])
    assert "registry-login" not in others


def test_every_workflow_goes_to_the_controller_of_its_instance() -> None:
    """Templates and schedule bear its label, and so does whatever is submitted."""
    wanted = settings(argo_instance_id="blue")
    label = {"workflows.argoproj.io/controller-instanceid": "blue"}
    found = [obj for kind in ("WorkflowTemplate", "CronWorkflow") for obj in objects(kind, wanted)]
    assert len(found) > 2
    for obj in found:
        assert label.items() <= obj["metadata"]["labels"].items()

    class Has:
        """A cluster with this template, and everything that a template needs."""

        def get(self, *_: Any) -> Object:
            return found[0]

        def path(self, *_: Any) -> str:
            return ""

    assert installed(Has(), "shops", "release") == label  # type: ignore[arg-type]
    made = workflow_object("release", "shops", "shop", "v1", {}, instance=label)
    assert label.items() <= made["metadata"]["labels"].items()


def test_what_install_brings_is_marked_and_nothing_else_is_needed_to_find_it() -> None:
    """`uninstall` goes by this label; it is no label of an app or a release."""
    for obj in (*installation("shops", SETTINGS), *of_ci("shops")):
        labels = obj["metadata"]["labels"]
        assert re.fullmatch(r"[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?", labels["rainbow.dev/installed-by"])
        assert not {"rainbow.dev/app", "rainbow.dev/release"} & set(labels)


def test_ci_may_make_and_read_and_nothing_is_its_to_change() -> None:
    """Workflows and records are created; no Secret, no exec, no update and no deletion of anything."""
    account, role, binding = of_ci("shops")
    assert binding["subjects"] == [{"kind": "ServiceAccount", "name": "rainbow-ci", "namespace": "shops"}]
    assert account["metadata"]["name"] == "rainbow-ci"
    created = set()
    for rule in role["rules"]:
        assert set(rule["verbs"]) <= {"create", "get", "list"}
        assert not {"*", "secrets", "pods/exec", "releases/status", "serviceaccounts/token"} & set(rule["resources"])
        created |= set(rule["resources"]) if "create" in rule["verbs"] else set()
    assert created == {"workflows", "releases", "configmaps"}
