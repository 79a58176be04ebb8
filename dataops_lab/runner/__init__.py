"""The program that runs next to the kernel: it takes a run directory and leaves a record in it.

It imports the standard library, papermill and what papermill brings. It imports nothing else of dataops_lab, because
it is sent into environments that do not have the rest.
"""
