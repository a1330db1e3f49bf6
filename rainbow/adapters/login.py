"""Which cluster is asked, and as whom: a kubeconfig, or in a pod its ServiceAccount. Nothing is sent yet.

The client's own messages about a kubeconfig name neither the file nor what to do, so what goes wrong most is looked for
first.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from rainbow.adapters.credentials import held_in_memory
from rainbow.adapters.kubeconfig import files, in_pod, read_kubeconfig
from rainbow.errors import BadInput

_NEXT = "Set KUBECONFIG, or start the embedded one: rainbow cluster up"


def login(context: str | None) -> Any:
    """A `kubernetes.client.Configuration`. Raises BadInput when there is none to be had."""
    import yaml
    from kubernetes import client, config
    from kubernetes.config import ConfigException

    found = client.Configuration()
    found.retries = False
    found.client_side_validation = False
    try:
        if in_pod(context):
            config.load_incluster_config(client_configuration=found)
            return found
        paths = files()
        _look(paths, context)
        # Not the client's own default, which it works out once, when it is imported.
        given = {"config_file": os.pathsep.join(map(str, paths)), "context": context, "client_configuration": found}
        held_in_memory(found, lambda folder: config.load_kube_config(**given, temp_file_path=folder))
    except (ConfigException, OSError) as error:
        raise BadInput(f"no cluster to talk to: {str(error).rstrip('.')}. {_NEXT}") from error
    except (yaml.YAMLError, ValueError, TypeError, AttributeError, LookupError, RecursionError) as error:
        # The client reads a kubeconfig without looking at its shape.
        shown = os.pathsep.join(map(str, files()))
        raise BadInput(f"the kubeconfig {shown} is malformed: {error}; set KUBECONFIG, or mend it") from error
    return found


def _look(paths: list[Path], context: str | None) -> None:
    shown = os.pathsep.join(map(str, paths))
    if not any(path.exists() for path in paths):
        raise BadInput(f"no cluster to talk to: there is no kubeconfig {shown}. {_NEXT}")
    known = read_kubeconfig()
    there = ", ".join(sorted(known.contexts))
    if not there:
        return  # the client says what is wrong with it
    if context and context not in known.contexts:
        raise BadInput(f"--context {context}: the kubeconfig {shown} has no such context; there are: {there}")
    if not context and known.current is None:
        raise BadInput(f"the kubeconfig {shown} has no current context: say --context; there are: {there}")
