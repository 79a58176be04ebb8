"""Content-addressed storage. Today it is a folder; it may be a URL (fsspec) when the shared service needs it."""

from .folder import FolderBlobs

__all__ = ["FolderBlobs"]
