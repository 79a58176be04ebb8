"""The run directory: its protocol, and the reading and writing of its files.

It imports the standard library only, because it is sent with the runner into environments that do not have the rest.
"""
