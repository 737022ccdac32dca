"""On the PYTHONPATH of a process whose clock is to be wrong by CLOCK_SHIFT_SECONDS; Python loads it at start."""

import os
import time

import time_machine

time_machine.travel(time.time() + float(os.environ["CLOCK_SHIFT_SECONDS"]), tick=True).start()
