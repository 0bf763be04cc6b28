"""Keep the memory of freed arrays for the next ones, by one allocation at import.

A training step makes the same large arrays over and over. The C library of Linux (glibc) maps what
is larger than 128 KB anew and hands it back when it is freed, so that each step pays for the
system to clear the same pages again: a quarter of the time of an LSTM's step. glibc raises that
bound to the size of the largest mapped block that was freed, up to 32 MB, and hands back nothing
under twice the bound. So one such block, which is never touched and takes no memory, is enough.
Other C libraries do not mind.

References
----------
mallopt(3), M_MMAP_THRESHOLD, on the dynamic threshold.
"""

import numpy as np

_BOUND = 1 << 25  # DEFAULT_MMAP_THRESHOLD_MAX of a 64-bit system

np.empty(_BOUND - (1 << 14), np.uint8)  # just below, for glibc adds a header and rounds up
