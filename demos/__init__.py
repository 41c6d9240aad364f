"""Numbered scripts, one idea each, in reading order: `python -m demos` lists them, `python -m demos 02` runs one."""
