"""What every page of results is made of; it needs no network and no script."""
