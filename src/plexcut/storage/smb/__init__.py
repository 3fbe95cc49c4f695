"""Shares over SMB, with neither mount nor root: reading, listing, replacing. `smbclient` is used here alone."""
