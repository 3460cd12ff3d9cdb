"""What a result folder is: its names, how it is filled and published, and how it is read."""
