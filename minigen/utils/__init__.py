"""What every part of the library leans on: files and archives, settings, blocks, signals."""
