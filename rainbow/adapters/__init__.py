"""The only code that talks to the world: Kubernetes, Prometheus, HTTP, registries, programs."""
