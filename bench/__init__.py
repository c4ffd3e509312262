"""Measures a running server: one script a workload, each with the floor that was read in the same run beside it."""
