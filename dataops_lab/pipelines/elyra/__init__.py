"""Pipelines of Elyra, read from their `.pipeline` files and written as pipelines of ours."""
