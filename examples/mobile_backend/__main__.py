"""CENTRE, CLIENT_ID, CLIENT_SECRET, and where they differ from the defaults PUBLIC_URL, PORT and STORE."""

import os
from pathlib import Path

import uvicorn

from examples.mobile_backend.app import create_app
from examples.mobile_backend.centre import Centre
from examples.mobile_backend.store import Store


def main() -> None:
    port = int(os.environ.get("PORT", "8100"))
    public_url = os.environ.get("PUBLIC_URL", f"http://127.0.0.1:{port}")
    store = Store(Path(os.environ.get("STORE", "backend.db")))
    centre = Centre(
        os.environ["CENTRE"].rstrip("/"), os.environ["CLIENT_ID"], os.environ["CLIENT_SECRET"], f"{public_url}/back", store
    )
    uvicorn.run(create_app(centre, store), port=port, log_level="warning")


if __name__ == "__main__":
    main()
