"""Measures dmsflow against the hand-written program: whole processes, one after the other, on workload W."""
