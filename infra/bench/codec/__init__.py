"""Our Avro codec beside bare fastavro. See infra/bench/README.md."""
