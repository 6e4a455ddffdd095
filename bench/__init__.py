"""Measurements that can be repeated: `make bench`. docs/benchmarks.md says what each one shows."""
