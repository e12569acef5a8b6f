"""Containers as a container runtime tells of them: the CRI, version 1 (containerd, CRI-O)."""
