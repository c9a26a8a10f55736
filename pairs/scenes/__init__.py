"""Pictures that a script draws as people take them, to measure and to teach how digits are found."""
