"""Members of each stage come and go under load, on three brokers. See infra/bench/README.md."""
