"""The queue `VueCutter` on Redis or Valkey: orders, workers, progress."""
