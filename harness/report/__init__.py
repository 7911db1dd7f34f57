"""runs/<id>/ on disk, the table in the terminal."""
