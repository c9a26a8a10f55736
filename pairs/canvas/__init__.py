"""The page on which one draws two digits: `compare` in plain script, with every layer to be seen."""
