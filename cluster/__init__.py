"""The embedded cluster: real Kubernetes and Argo Workflows on one Linux machine, without Docker.

`rainbow cluster up` builds or fetches every part, starts the control plane and a node as plain processes, and
then what is a pod in any cluster as pods (`cluster.parts`). All state sits under one directory.
"""
