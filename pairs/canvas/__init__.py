"""The page on which one draws two digits: `compare` in plain script, every layer to be seen."""
