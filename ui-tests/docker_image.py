"""Prints the reference of an image for tests, `python docker_image.py NAME`; makes it where the daemon has none.

Without a Docker daemon it says so and exits with 3.
"""

import sys
from pathlib import Path

import docker

sys.path.insert(0, str(Path(__file__).parent.parent))
from tests.docker import REPOSITORY, WHERE_TO_GET_IT, DockerImages, digest_of

try:
    images = DockerImages(docker.from_env(timeout=600))
    images[sys.argv[1]]
except docker.errors.DockerException as error:
    sys.stderr.write(f"{WHERE_TO_GET_IT} {error}\n")
    sys.exit(3)
sys.stdout.write(f"{REPOSITORY}/{sys.argv[1]}:{digest_of(sys.argv[1])}\n")
