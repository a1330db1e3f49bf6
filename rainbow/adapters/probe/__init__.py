"""The zero-downtime test: requests without pause through the proxy, in a process of their own (J2).

    probe = Probe(Plan(targets=(Target.parse("http://shop.example/"),), rate=100))
    probe.start()
    ...                          # releases happen; probe.answers at any time
    probe.stop()

aiohttp sends: it speaks WebSocket and streams, is there wherever a step runs, and reaches a thousand requests a second
on half a core. Load generators in Go were looked at: net/http sends a GET again, silently, when a kept connection
breaks (golang/go#48438), which is the very failure that is looked for, and nobody has to have a Go toolchain.
"""

from rainbow.adapters.probe.running import Probe

__all__ = ["Probe"]
