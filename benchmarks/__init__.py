"""What the times and the memory in `docs/benchmarks.md` were measured with."""
