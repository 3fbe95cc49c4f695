"""State and files: the database that survives restarts, and what is needed on local disks."""
