"""numpy's matrix products on one thread.

The scorers multiply matrices of some twenty rows. OpenBLAS shares even those out to every core, and its threads spin
while they wait: beside other work a row took four times the processor time (6 for 26 rows a processor second).
"""

from functools import cache


@cache
def one_thread() -> None:
    """For the rest of this process; products that are large enough to gain from more threads are not made in it."""
    import numpy as np  # noqa: F401  its library has to be loaded to be found
    from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

    threadpool_limits(1, user_api="blas")
