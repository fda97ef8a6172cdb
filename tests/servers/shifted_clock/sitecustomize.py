"""Python runs this at start when its directory is on PYTHONPATH: the service's wall clock is off.

Stands for a machine whose clock is set wrong. It shifts the one place where our services read
wall time. gRPC reads it too, in C and in Python, and takes deadlines for differences of the two:
shifting one of them only, as replacing time.time would, is what no machine does.
"""

import os
import sys
import time

from runtime.clock import SystemClock

_offset = float(os.environ.get("SHIFT_WALL_CLOCK_SECONDS", "0"))


def _shifted(clock: SystemClock) -> float:
    return time.time() + _offset


SystemClock.now = _shifted  # type: ignore[assignment]  # the point of this file
print(f"the wall clock is off by {_offset:g} s", file=sys.stderr)
