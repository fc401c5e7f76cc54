"""`python -m services.cli`, for images and machines where the command is not on the path."""

from __future__ import annotations

from services.cli.main import run

if __name__ == "__main__":
    run()
