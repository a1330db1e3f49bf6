"""`python -m address_book`: the API. `python -m address_book check`: its tests, against RELEASE_URL."""

from __future__ import annotations

import os
import signal
import sys
import threading

from address_book.api import Api
from address_book.check import check
from address_book.people import statements
from address_book.settings import Settings
from address_book.store import Store


def serve() -> None:
    """Until SIGTERM."""
    settings = Settings.read()
    store = Store(statements(settings.stage))
    store.open()
    api = Api(settings, store)
    signal.signal(signal.SIGTERM, lambda *_: threading.Thread(target=api.stop).start())
    api.serve_forever(poll_interval=0.1)
    store.close()


if sys.argv[1:] == ["check"]:
    check(os.environ["RELEASE_URL"], os.environ.get("RELEASE_ID", "unreleased"))
else:
    serve()
