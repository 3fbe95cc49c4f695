"""Decoded sound on the recording's time line: read from anywhere, whatever the file and the codec."""
