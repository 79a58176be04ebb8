"""The executors, which run attempts. Each keeps the contract of `ports.Executor`, see tests/contracts."""
