"""Pages that are made from data of the code, so that they cannot tell what is no longer so."""
