# The one front door. `make help` lists the doors behind it.
