"""Compose and Kubernetes files, made from the map, the settings and the deadlines in the code."""
