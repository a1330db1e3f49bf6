"""Sessions: what a user does over many requests, all of it on the release on which it began (F3).

A session is the last message on a subject of its own, so any API of its release can go on with it, and no other release
reads it. The bus forgets one that nobody has touched for a while; until then it counts as work of its release.
"""

from __future__ import annotations

import json
import uuid
from dataclasses import asdict, dataclass, replace

import nats.errors
import nats.js.errors
from nats.js import JetStreamContext, api

from spawn import subjects
from spawn.settings import Settings

# The server's code for a message that somebody else has followed already.
WRONG_SEQUENCE = 10071


@dataclass(frozen=True)
class Session:
    """A session of a release; `steps` is what it remembers."""

    id: str
    release: str
    steps: int = 0

    @property
    def address(self) -> str:
        """Return the path that leads to it whichever release is current."""
        return f"{subjects.RELEASE_PATH.format(release=self.release)}/sessions/{self.id}"


class Sessions:
    """The stream of sessions, once found or made by `ensure`; methods raise nats.errors.Error when the bus fails."""

    def __init__(self, settings: Settings) -> None:
        self._bus = settings.bus
        self._release = settings.release
        self._idle = settings.session_idle
        self._name = subjects.sessions(settings.bus)
        self._stream: JetStreamContext | None = None

    async def ensure(self, stream: JetStreamContext) -> None:
        """Find the stream, or make it."""
        try:
            await stream.stream_info(self._name)
        except nats.js.errors.NotFoundError:
            every = [subjects.session(self._bus, "*", "*")]
            await stream.add_stream(name=self._name, subjects=every, max_msgs_per_subject=1, max_age=self._idle)
        self._stream = stream

    async def begin(self) -> Session:
        """Begin one on this release."""
        session = Session(uuid.uuid4().hex, self._release)
        await self._keep(session, 0)
        return session

    async def get(self, session_id: str) -> Session | None:
        """Return a session of this release, None when there is none (any more)."""
        found = await self._last(session_id)
        return found[0] if found else None

    async def step(self, session_id: str) -> Session | None:
        """Go on with it; of two steps at once none is lost."""
        while found := await self._last(session_id):
            session, sequence = replace(found[0], steps=found[0].steps + 1), found[1]
            try:
                await self._keep(session, sequence)
            except nats.js.errors.APIError as error:
                if error.err_code != WRONG_SEQUENCE:
                    raise
                continue
            return session
        return None

    async def end(self, session_id: str) -> None:
        """Forget it; one that is gone is fine."""
        await self._found().purge_stream(self._name, subject=self._subject(session_id))

    async def count(self) -> int:
        """Return how many sessions of this release are open."""
        every = subjects.session(self._bus, "*", self._release)
        info = await self._found().stream_info(self._name, every)
        return sum((info.state.subjects or {}).values())

    async def _last(self, session_id: str) -> tuple[Session, int] | None:
        try:
            message = await self._found().get_last_msg(self._name, self._subject(session_id))
        except nats.js.errors.NotFoundError:
            return None
        return Session(**json.loads(message.data or b"{}")), message.seq or 0

    async def _keep(self, session: Session, after: int) -> None:
        headers = {api.Header.EXPECTED_LAST_SUBJECT_SEQUENCE.value: str(after)}
        data = json.dumps(asdict(session)).encode()
        await self._found().publish(self._subject(session.id), data, headers=headers)

    def _subject(self, session_id: str) -> str:
        return subjects.session(self._bus, session_id, self._release)

    def _found(self) -> JetStreamContext:
        if self._stream is None:
            raise nats.errors.Error("the stream of sessions is not there yet")
        return self._stream
