"""Where attempts run. Each executor keeps the contract of `ports.Executor`, see tests/contracts."""
