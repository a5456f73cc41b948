"""One hop of the transactional loop beside a bare loop. See infra/bench/README.md."""
