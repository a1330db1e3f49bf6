"""The states of all tasks of all releases, in a bucket of the bus: any release can tell the state of any task."""

from __future__ import annotations

import logging

import nats.errors
import nats.js.errors
from nats.js import JetStreamContext, api
from nats.js.kv import KeyValue

from spawn.tasks import Task, TaskError

log = logging.getLogger("spawn.states")
REQUEST_SECONDS = 2.0
# The state of a task can be asked for this long after its last change.
STATE_SECONDS = 30 * 24 * 3600
# A task changes its state this often; older revisions are gone, so their places in the stream are empty.
CHANGES = 4


class States:
    """The bucket, once `ensure` has found or made it; every method raises nats.errors.Error when the bus fails."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._bucket: KeyValue | None = None
        self._stream: JetStreamContext | None = None

    async def ensure(self, stream: JetStreamContext) -> None:
        """Find the bucket, or make it."""
        try:
            self._bucket = await stream.key_value(self._name)
        except nats.js.errors.NotFoundError:
            config = api.KeyValueConfig(bucket=self._name, ttl=STATE_SECONDS)
            self._bucket = await stream.create_key_value(config)
        self._stream = stream

    async def keep(self, task: Task) -> None:
        """Record the state of a task."""
        bucket, _ = self._found()
        await bucket.put(task.id, task.to_json())

    async def get(self, task_id: str) -> Task | None:
        """Return the state of a task, or None if there is none; raises TaskError for a record that is unreadable."""
        bucket, _ = self._found()
        try:
            entry = await bucket.get(task_id)
        except nats.js.errors.KeyNotFoundError:
            return None
        return Task.from_json(entry.value or b"")

    async def recent(self, limit: int) -> list[Task]:
        """Return the tasks whose state changed last, at least `limit` of them if there are so many.

        It reads the end of the bucket's stream only: a list costs the same however many tasks there ever were.
        """
        bucket, stream = self._found()
        state = (await bucket.status()).stream_info.state
        if not state.messages:
            return []
        subscription = await stream.subscribe(
            f"$KV.{self._name}.>",
            stream=f"KV_{self._name}",
            ordered_consumer=True,
            config=api.ConsumerConfig(
                deliver_policy=api.DeliverPolicy.BY_START_SEQUENCE,
                opt_start_seq=max(state.first_seq, state.last_seq - CHANGES * limit + 1),
            ),
        )
        found: dict[str, Task] = {}
        try:
            left = 1
            while left:
                message = await subscription.next_msg(REQUEST_SECONDS)
                left = message.metadata.num_pending
                try:
                    task = Task.from_json(message.data)
                except TaskError as error:
                    log.warning("%s is left out: %s", message.subject, error)
                    continue
                found[task.id] = task
        finally:
            await subscription.unsubscribe()
        return list(found.values())

    def _found(self) -> tuple[KeyValue, JetStreamContext]:
        if self._bucket is None or self._stream is None:
            raise nats.errors.Error("the bucket of tasks is not there yet")
        return self._bucket, self._stream
