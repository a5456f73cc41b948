"""A dashboard as a picture, from its own file and a Prometheus: for pages that cannot show a Grafana."""
