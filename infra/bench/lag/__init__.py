"""A scrape of the lag exporter on a cluster with many groups. See infra/bench/README.md."""
