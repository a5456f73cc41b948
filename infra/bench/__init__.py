"""Measurements that are repeated with one command. See README.md."""
