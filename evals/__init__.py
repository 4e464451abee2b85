"""Measurements that anyone can run again: benches, eval cases and the regression suite."""
