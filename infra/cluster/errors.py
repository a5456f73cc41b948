"""What can go wrong with a local cluster. Every message is one line that says what to do about it."""

from __future__ import annotations


class ClusterError(Exception):
    """Something that the local cluster needs is missing, broken or taken. The message is meant for the user."""


class RequirementMissing(ClusterError):
    """A package or a platform that the local cluster cannot do without."""


class FetchFailed(ClusterError):
    """The broker's files could not be fetched: no network, no space, or not the bytes that the lock file names."""


class ChildFailed(ClusterError):
    """A server did not start, died, or was not ready in time. The message carries the tail of its log."""


class DirectoryInUse(ClusterError):
    """Another cluster runs in this directory, or the directory holds the data of a different one."""
