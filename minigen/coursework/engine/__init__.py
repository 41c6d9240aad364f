"""An engine in ten steps: files that stand alone, each with one idea more than the one before it."""
