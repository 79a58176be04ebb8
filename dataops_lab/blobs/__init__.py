"""Content-addressed storage. Today a folder; by URL (fsspec) when the shared service needs it."""

from .folder import FolderBlobs

__all__ = ["FolderBlobs"]
