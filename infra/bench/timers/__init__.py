"""Ringback's timer stream beside its peers, under the same works. See infra/bench/README.md."""
