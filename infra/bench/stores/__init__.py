"""Engines that could hold a partition's timers. See infra/bench/README.md."""
