"""The standing rules: what must hold of every exchange. One function each; see `harness.rule`."""
