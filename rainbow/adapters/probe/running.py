"""A probe from the outside: processes that send, and a thread that collects what they were answered."""

from __future__ import annotations

import json
import math
import subprocess
import sys
import threading
from dataclasses import dataclass, field
from typing import IO

from rainbow.decisions.answers import Answer, Answers
from rainbow.errors import PermanentError
from rainbow.model.probing import Plan

ONE_PROCESS = 1_000.0  # requests a second that one process sends in time
PATIENCE = 10.0  # seconds beyond the timeout of a request


@dataclass
class Probe:
    """One probe: start it, look at its answers, stop it."""

    plan: Plan
    answers: Answers = field(init=False)
    late: float = 0.0  # seconds by which a request was sent later than it was due, at worst
    _senders: list[subprocess.Popen[str]] = field(default_factory=list)
    _readers: list[threading.Thread] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        self.answers = Answers(self.plan.targets, self.plan.named)

    def start(self) -> None:
        """Begin to send."""
        for plan in shared(self.plan):
            sender = subprocess.Popen(
                [sys.executable, "-m", "rainbow.adapters.probe"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
                start_new_session=True,  # Ctrl-C ends the probe, and not its report
            )
            assert sender.stdin is not None and sender.stdout is not None  # noqa: S101, PT018 - both are pipes
            sender.stdin.write(plan.model_dump_json(by_alias=True) + "\n")
            sender.stdin.flush()
            reader = threading.Thread(target=self._read, args=(sender.stdout,), name="probe", daemon=True)
            reader.start()
            self._senders.append(sender)
            self._readers.append(reader)

    @property
    def over(self) -> bool:
        """Whether it has ended, by its plan or by accident."""
        return not any(reader.is_alive() for reader in self._readers)

    def wait(self, seconds: float) -> bool:
        """Wait until it is over by itself, at most so long; whether it is."""
        for reader in self._readers:
            reader.join(seconds / len(self._readers))
        return self.over

    def stop(self) -> None:
        """Send no more, and wait for the answers to what was sent. Raises PermanentError when it broke on the way."""
        for sender in self._senders:
            assert sender.stdin is not None  # noqa: S101 - a pipe
            sender.stdin.close()
        codes = [self._end(sender) for sender in self._senders]
        for reader in self._readers:
            reader.join(PATIENCE)
        if any(codes):
            raise PermanentError(
                f"the probe did not come to its end (exit code {max(codes, key=abs)}; why stands above): what it "
                "found means nothing; start it again"
            )

    def ended(self) -> str | None:
        """Stop it; what went wrong with the probe itself, if anything did."""
        try:
            self.stop()
        except PermanentError as error:
            return str(error)
        return None

    def _end(self, sender: subprocess.Popen[str]) -> int:
        try:
            code = sender.wait(self.plan.timeout + PATIENCE)
        except subprocess.TimeoutExpired:
            sender.kill()
            code = sender.wait()
        return code

    def _read(self, lines: IO[str]) -> None:
        with lines:
            for line in lines:
                said = json.loads(line)
                with self._lock:
                    if isinstance(said, dict):
                        self.late = max(self.late, said["late"])
                    else:
                        self.answers.add(Answer(*said))


def shared(plan: Plan) -> list[Plan]:
    """A plan for each process: the requests are shared, what is held is held by the first."""
    requests = tuple(target for target in plan.targets if not target.held)
    count = math.ceil(plan.rate / ONE_PROCESS) if requests else 1
    if count == 1:
        return [plan]
    # The indices of targets are those of the whole plan, so every process is told them all.
    return [
        plan.model_copy(
            update={"rate": plan.rate / count, "most": -(-plan.most // count), "users": plan.users if n == 0 else 0}
        )
        for n in range(count)
    ]
