"""The timer stream with metrics beside itself without. See infra/bench/README.md."""
