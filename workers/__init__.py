"""The processes behind the API: those that run workflows and activities, and the relay."""
