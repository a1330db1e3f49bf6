"""The demo: three rainbow releases of spawn, under load, with tasks that outlast the switches.

Real parts throughout: the embedded cluster's Argo runs the workflow that `rainbow release` submits, Traefik carries
the requests, NATS the tasks, Prometheus the metric, and the storage worker is a process outside the cluster.
"""
