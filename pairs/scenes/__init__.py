"""Pictures that a script draws as people take them, to teach and to measure on."""
