"""Playback in a browser: any span of any codec as a fragmented MP4 file that is made while it is read."""
