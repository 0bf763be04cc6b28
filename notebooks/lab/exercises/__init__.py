"""The exercises, a module for each notebook: `EXERCISES` maps their ids to `Exercise`."""
