"""What `make bench` runs: ours and theirs in turns, in one run, on one machine; see RESULTS.md.

A section is a module with `TITLE` and `measure(quick) -> Iterator[Row]`; `__main__.py` lists them.
"""
