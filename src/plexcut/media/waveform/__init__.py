"""How loud a recording is, at any zoom: peaks and loudness of every audio track."""
