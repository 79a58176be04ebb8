"""pytest-jupyter's fixtures for every test that wants a Jupyter server."""

pytest_plugins = ["pytest_jupyter.jupyter_server"]
