"""Shared helpers of the whole library: files and archives, settings, blocks, signals."""
