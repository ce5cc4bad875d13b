"""The faults of the reference server, one function each: see `harness.reference.fault`."""
