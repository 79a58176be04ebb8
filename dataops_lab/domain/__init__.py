"""What a job, a version and a run are, and which moves are legal. Plain Python, no I/O."""
