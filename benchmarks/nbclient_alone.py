"""`nbclient_alone.py NOTEBOOK`: execute it and print the seconds from the ready kernel to the last reply."""

import json
import sys
import time

import nbformat
from nbclient import NotebookClient

notebook = nbformat.read(sys.argv[1], as_version=4)
client = NotebookClient(notebook)
with client.setup_kernel():
    ready_at = time.time()
    for index, cell in enumerate(notebook.cells):
        client.execute_cell(cell, index)
    last_reply_at = time.time()
print(json.dumps({"cells": last_reply_at - ready_at}))
