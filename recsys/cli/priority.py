"""Process priority of a job: a service on the same machine goes first."""

import os

MAX_NICENESS = 19


def lower_priority(niceness: int) -> None:
    """Lowers the priority of this process, which cannot raise it again.

    At 19 the process takes only time that no other process wants, where the system has such a policy.
    """
    os.setpriority(os.PRIO_PROCESS, 0, max(niceness, os.getpriority(os.PRIO_PROCESS, 0)))
    if niceness == MAX_NICENESS and hasattr(os, "SCHED_IDLE"):  # it then never delays a process that wakes up
        os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))
