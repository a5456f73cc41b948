"""The read models' ways in and out: Faust's consumer, taught three things it cannot, and the HTTP interface."""
