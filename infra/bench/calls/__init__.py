"""The calling consumer beside the same HTTP requests without Kafka and Redis. See infra/bench/README.md."""
