"""How much faster two processes are than one on this machine, whatever the program.

Two CPUs that a virtual machine shows may be two threads of one core. Then work that keeps the core
busy gains little from the second, however well it is shared out: no program's scaling can be judged
without this measure beside it. Products of matrices that fit in the first caches are such work.
"""

import os
import time
from concurrent.futures import ProcessPoolExecutor, wait
from multiprocessing import get_context

SIDE = 96
PRODUCTS = 8000


def _multiply(products):
    """The wall-clock seconds that so many products take."""
    import numpy as np

    a, b = np.random.default_rng(0).random((2, SIDE, SIDE), dtype=np.float32)
    product = np.empty_like(a)
    start = time.perf_counter()
    for _ in range(products):
        np.matmul(a, b, out=product)
    return time.perf_counter() - start


class Scaling:
    """Two processes that wait for work."""

    def __init__(self):
        # Read by the library of matrix products when a process starts.
        before = os.environ.get("OPENBLAS_NUM_THREADS")
        os.environ["OPENBLAS_NUM_THREADS"] = "1"
        self.processes = ProcessPoolExecutor(2, mp_context=get_context("spawn"))
        wait([self.processes.submit(_multiply, 1000) for _ in range(4)])
        if before is None:
            del os.environ["OPENBLAS_NUM_THREADS"]
        else:
            os.environ["OPENBLAS_NUM_THREADS"] = before

    def seconds(self):
        """Wall-clock seconds of the work in one process, and shared by the two."""
        alone = self.processes.submit(_multiply, PRODUCTS).result()
        halves = [self.processes.submit(_multiply, PRODUCTS // 2) for _ in range(2)]
        return {"one": {"wall_s": alone}, "two": {"wall_s": max(h.result() for h in halves)}}

    def close(self):
        """Ends them."""
        self.processes.shutdown()
