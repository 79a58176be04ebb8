"""The benchmarks of `make bench`: this product and others in turns, in one run, on one machine; see RESULTS.md.

A section is a module with `TITLE` and `measure(quick) -> Iterator[Row]`; `__main__.py` lists them.
"""
