"""What stands in the elementary streams, read without decoding: parameter sets, picture headers, audio frames."""
