"""The load of the demo: requests without pause and tasks of mixed length, as users of spawn would send them.

    load = Load(Plan(rate=50, tasks_per_second=1))
    load.start()
    ...                          # releases happen; load.snapshot() at any time
    load.stop_starting_tasks()   # requests go on
    results = load.stop()        # when every task is finished or lost

The requests are those of rainbow's own probe: open-loop (a slow answer delays no other request), none twice, bounded in
count and time. What it adds are tasks, each followed to its end.
"""

from load.plan import Plan
from load.results import Results, TaskRun
from load.run import Load

__all__ = ["Load", "Plan", "Results", "TaskRun"]
