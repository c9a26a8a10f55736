"""funcdl-cli from a copy that is not installed: `python cli.py pairs`. All is in `funcdl_cli/`."""

from funcdl_cli.main import app, main

__all__ = ["app", "main"]

if __name__ == "__main__":
    main()
