"""The files that are handed out: each fails its check until it is completed."""
