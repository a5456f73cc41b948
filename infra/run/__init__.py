"""Running stages: what `ringback run` does once the command line is understood."""
