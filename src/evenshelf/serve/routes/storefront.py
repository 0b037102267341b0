"""What a storefront includes to send events."""

from __future__ import annotations

from importlib.resources import files

from fastapi import APIRouter, Response

router = APIRouter(tags=["events"])


@router.get("/events.js", summary="The script for storefronts", response_class=Response)
async def script() -> Response:
    """Give the script that sends events from a page: small, without dependencies, to be included as it is."""
    text = files("evenshelf.serve.pages").joinpath("events.js").read_bytes()
    headers = {"cache-control": "public, max-age=3600", "cross-origin-resource-policy": "cross-origin"}
    return Response(text, media_type="text/javascript; charset=utf-8", headers=headers)
