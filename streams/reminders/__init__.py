"""The timer stream: reminders wait here, fire when due, and come back when the call was not answered."""
