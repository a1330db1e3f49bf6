"""The load of the demo: requests without pause and tasks of mixed length, as users of spawn would send them.

    load = Load(Plan(rate=50, tasks_per_second=1))
    load.start()
    ...                          # releases happen; load.snapshot() at any time
    load.stop_starting_tasks()   # requests go on
    results = load.stop()        # when every task is finished or lost

It is open-loop (a slow answer delays no other request), retries nothing, and is bounded in count and time.
"""

from load.plan import Plan
from load.results import Failure, Moments, Results, TaskRun
from load.run import Load

__all__ = ["Failure", "Load", "Moments", "Plan", "Results", "TaskRun"]
