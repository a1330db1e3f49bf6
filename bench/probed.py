"""An app to be probed, of Python's standard library alone: its text is the command of its pods (bench/matrix.py).

It answers every path with its release; /download takes a second, /events is a stream of events, /live a WebSocket. It
ends in good order: on SIGTERM it answers with `Connection: close` for some seconds more, since a busy proxy hears late
of a pod's end, then it ends its streams, and goes when nothing is open.
"""

import asyncio
import base64
import hashlib
import os
import signal

RELEASE = os.environ.get("RELEASE_ID", "none")
EMPTY_FRAME = {8: b"\x88\x02\x03\xe8", 9: b"\x8a\x00"}  # what a close and a ping are answered with
GOING_AWAY = b"\x88\x02\x03\xe9"  # a close frame of code 1001 (RFC 6455)
ENDING = asyncio.Event()  # SIGTERM has come
CLOSED = asyncio.Event()  # and nobody should ask any more
LINGER = 5.0  # seconds between the two


def head_of(status: str, fields: str) -> bytes:
    """The head of an answer; the last one says so, and the proxy comes back on another connection, elsewhere."""
    last = "Connection: close\r\n" if ENDING.is_set() else ""
    return f"HTTP/1.1 {status}\r\nX-Release: {RELEASE}\r\n{last}{fields}\r\n".encode()


async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answer the requests of one connection."""
    try:
        while not CLOSED.is_set():
            head = (await _next(reader)).decode("latin-1")
            if not head:
                break
            last = ENDING.is_set()
            fields = dict(line.lower().split(": ", 1) for line in head.split("\r\n")[1:] if ": " in line)
            await reader.readexactly(int(fields.get("content-length", 0)))
            path = head.split(" ", 2)[1]
            if path == "/live":
                await live(reader, writer, head)
                break
            await {"/download": download, "/events": events}.get(path, answer)(writer)
            await writer.drain()
            if last:
                break
    except (OSError, asyncio.IncompleteReadError):
        pass
    finally:
        writer.close()


async def _next(reader: asyncio.StreamReader) -> bytes:
    """The head of the next request; empty when there is none any more."""
    reading, closed = asyncio.ensure_future(reader.readuntil(b"\r\n\r\n")), asyncio.ensure_future(CLOSED.wait())
    await asyncio.wait((reading, closed), return_when=asyncio.FIRST_COMPLETED)
    closed.cancel()
    if not reading.done():
        reading.cancel()
        return b""
    return b"" if reading.exception() else reading.result()


async def answer(writer: asyncio.StreamWriter) -> None:
    """At once."""
    writer.write(head_of("200 OK", "Content-Length: 3\r\n") + b"ok\n")


async def download(writer: asyncio.StreamWriter) -> None:
    """A megabyte within a second."""
    writer.write(head_of("200 OK", "Content-Length: 1000000\r\n"))
    for _ in range(20):
        writer.write(bytes(50_000))
        await writer.drain()
        await asyncio.sleep(0.05)


async def events(writer: asyncio.StreamWriter) -> None:
    """An event five times a second, until the end of this process."""
    writer.write(head_of("200 OK", "Content-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n"))
    while not CLOSED.is_set():
        writer.write(b"9\r\ndata: x\n\n\r\n")
        await writer.drain()
        await asyncio.sleep(0.2)
    writer.write(b"0\r\n\r\n")


async def live(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, head: str) -> None:
    """A WebSocket that answers pings, and says so when it goes away."""
    key = next(line.split(": ", 1)[1] for line in head.split("\r\n") if line.lower().startswith("sec-websocket-key"))
    accept = base64.b64encode(hashlib.sha1(f"{key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11".encode()).digest())  # noqa: S324
    fields = f"Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: {accept.decode()}\r\n"
    writer.write(f"HTTP/1.1 101 Switching Protocols\r\nX-Release: {RELEASE}\r\n{fields}\r\n".encode())
    while not CLOSED.is_set():
        try:
            async with asyncio.timeout(0.2):
                first = await reader.readexactly(2)
        except TimeoutError:
            continue
        await reader.readexactly(4 + (first[1] & 127))  # the mask and what is said, of which there is little
        kind = first[0] & 15
        writer.write(EMPTY_FRAME.get(kind, b""))
        if kind == 8:
            return
    writer.write(GOING_AWAY)
    await writer.drain()


async def main() -> None:
    """Listen until SIGTERM, then until nothing is open."""
    open_ = set[asyncio.Task[None]]()

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 - it is this one
        open_.add(task)
        await serve(reader, writer)
        open_.discard(task)

    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, ENDING.set)
    server = await asyncio.start_server(connected, "0.0.0.0", 8000)  # noqa: S104 - a pod listens for its Service
    await ENDING.wait()
    await asyncio.sleep(LINGER)
    CLOSED.set()
    server.close()
    if open_:
        await asyncio.wait(open_, timeout=20)


if __name__ == "__main__":
    asyncio.run(main())
