"""The program that runs next to the kernel: takes a run directory, leaves a record in it.

Imports the standard library, papermill and what papermill brings, and nothing else of dataops_lab:
it is sent into environments that do not have the rest.
"""
