"""Headers that every answer carries; an endpoint may set its own instead."""

SECURITY_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'self'; img-src 'self' data: blob:; object-src 'none'; base-uri 'none'; form-action 'self'; "
        "frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
    "Cache-Control": "no-store",
}
# Of every answer over https (RFC 6797): a browser that was here once asks for nothing of this name over http for a year, where
# anybody on the way could read along, or put a sign-in of their own in its place.
HTTPS_HEADERS = {"Strict-Transport-Security": "max-age=31536000"}


def attachment(name: str) -> dict[str, str]:
    """Of an answer that is saved as a file and never shown as a page of ours. `name` is ASCII without quotation marks."""
    return {"Content-Disposition": f'attachment; filename="{name}"'}
