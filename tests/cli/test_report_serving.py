"""`rainbow report --serve`: live, for this machine alone."""

from __future__ import annotations

import json
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from rainbow.cli.report.serving import Fresh, server
from rainbow.errors import BadInput, TemporaryError
from tests.cli.chromium import chromium, opened, until
from tests.cli.drawn import HOSTILE, drawn

pytestmark = pytest.mark.slow


@dataclass
class Served:
    """A server, and what is found out when it asks."""

    data: dict[str, Any] = field(default_factory=drawn)
    looks: int = 0
    trouble: str = ""
    url: str = ""

    def find(self) -> dict[str, Any]:
        """A look at the app."""
        self.looks += 1
        if self.trouble:
            raise TemporaryError(self.trouble)
        return self.data

    def get(self, path: str, **headers: str) -> tuple[int, Any, str]:
        """Status, headers and body."""
        request = urllib.request.Request(self.url + path, headers=headers)
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                return answer.status, answer.headers, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.headers, error.read().decode()


@pytest.fixture
def every() -> float:
    """Seconds after which data are found out anew."""
    return 0.2


@pytest.fixture
def served(every: float) -> Iterator[Served]:
    """On a free port."""
    it = Served()
    with server(Fresh(it.find, every), 0) as listening:
        thread = threading.Thread(target=listening.serve_forever, args=(0.05,))
        thread.start()
        it.url = f"http://127.0.0.1:{listening.server_address[1]}"
        yield it
        listening.shutdown()
        thread.join()


def test_the_page_and_its_data(served: Served) -> None:
    """With a policy that lets it ask for its data, and nothing else."""
    status, headers, body = served.get("/")
    assert status == 200
    assert headers["Content-Type"] == "text/html; charset=utf-8"
    assert body.startswith("<!doctype html>")
    rules = dict(rule.split(" ", 1) for rule in headers["Content-Security-Policy"].split("; "))
    assert rules["default-src"] == "'none'"
    assert rules["connect-src"] == "'self'"
    assert rules["frame-ancestors"] == "'none'"
    assert "unsafe" not in headers["Content-Security-Policy"]
    assert (headers["X-Content-Type-Options"], headers["Cache-Control"]) == ("nosniff", "no-store")
    status, headers, body = served.get("/data.json")
    assert (status, headers["Content-Type"]) == (200, "application/json")
    assert json.loads(body) == served.data | {"refresh": 200}


@pytest.mark.parametrize("host", ["evil.example", "evil.example:80", "127.0.0.1", "localhost:1", "[::1]:80", ""])
def test_who_calls_it_by_another_name_gets_nothing(served: Served, host: str) -> None:
    """A name that somebody else leads here (DNS rebinding) is not its own."""
    status, _, body = served.get("/data.json", Host=host)
    assert status == 421
    assert "spawn" not in body
    assert served.looks == 0


def test_its_own_names_are_let_in(served: Served) -> None:
    """Both with the port."""
    assert served.get("/data.json", Host=served.url.removeprefix("http://"))[0] == 200
    assert served.get("/data.json", Host=f"localhost:{served.url.rpartition(':')[2]}")[0] == 200


@pytest.mark.parametrize("path", ["/x", "/../etc/passwd", "/data.json/", "/page.js"])
def test_there_is_nothing_else(served: Served, path: str) -> None:
    """No file is ever served."""
    assert served.get(path)[0] == 404


def test_it_changes_nothing_for_anybody(served: Served) -> None:
    """There is no other method than GET."""
    request = urllib.request.Request(served.url + "/data.json", data=b"{}", method="POST")
    with pytest.raises(urllib.error.HTTPError, match="501"):
        urllib.request.urlopen(request, timeout=30)


def test_what_cannot_be_found_out_is_said_as_text(served: Served) -> None:
    """Never as a page: what the cluster says may be anything."""
    served.trouble = HOSTILE
    status, headers, body = served.get("/")
    assert (status, headers["Content-Type"]) == (503, "text/plain; charset=utf-8")
    assert HOSTILE in body
    status, headers, body = served.get("/data.json")
    assert (status, json.loads(body)) == (503, {"error": HOSTILE})


@pytest.mark.parametrize("every", [60.0])
def test_however_many_look_the_cluster_is_asked_once(served: Served) -> None:
    """Within the time between two looks."""
    threads = [threading.Thread(target=served.get, args=("/data.json",)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert served.looks == 1


def test_a_port_that_is_taken_is_wrong_input(served: Served) -> None:
    """With the way out."""
    with pytest.raises(BadInput, match="give another one"):
        server(Fresh(served.find, 1), int(served.url.rpartition(":")[2]))


_HEIGHT = "document.querySelector('#lanes svg').getBoundingClientRect().height"


def test_an_open_page_goes_on_with_the_app(served: Served) -> None:
    """It shows and says what is new, keeps what one has chosen, can be paused, and tells when it hears nothing."""
    with chromium() as browser, opened(browser, served.url + "/", online=True) as (page, heard):
        page.select_option("#release", "v3")
        page.focus("#release")
        changed = json.loads(json.dumps(served.data))
        changed["current"] = "v3"
        changed["releases"][2]["tasks"] = "77"
        changed["releases"].insert(0, changed["releases"][0] | {"id": "v6", "phase": "Testing", "live": None})
        changed["lanes"].append(changed["lanes"][-1] | {"release": "v6", "stage": "Testing"})
        height = page.evaluate(_HEIGHT)
        served.data = changed
        until(page, "document.getElementById('status').textContent === 'Current is now v3.'")
        assert "77" in page.locator("#t-releases").inner_text()
        assert page.input_value("#release") == "v3"
        assert page.evaluate("document.activeElement.id") == "release"
        assert page.locator("#lanes svg").count() == 1
        until(page, "document.querySelectorAll('#lanes [aria-label^=\"v6: Testing\"]').length === 1")
        assert page.evaluate(_HEIGHT) > height
        page.get_by_role("button", name="Pause updates").click()
        page.wait_for_timeout(500)
        before = served.looks
        page.wait_for_timeout(800)
        assert served.looks == before
        served.trouble = "the API server is away"
        page.get_by_role("button", name="Pause updates").click()
        until(page, "document.getElementById('status').textContent.endsWith(': the API server is away')")
        served.trouble = ""
        until(page, "document.getElementById('status').textContent === ''")
        assert [line for line in heard.said if "503" not in line] == []
