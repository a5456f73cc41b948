"""The read models beside a consumer that does nothing. See infra/bench/README.md."""
