"""The domain: jobs, versions and runs, and the moves that are legal. Plain Python, no I/O."""
