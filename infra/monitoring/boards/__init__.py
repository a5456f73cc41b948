"""Dashboards as data: `model.py` is what one is, `drawing.py` how Grafana draws it, each other file one subject."""
