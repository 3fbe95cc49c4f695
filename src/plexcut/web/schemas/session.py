"""Who is logged in."""

from __future__ import annotations

from pydantic import Field

from plexcut.web.schemas.base import Answer, Body


class Session(Answer):
    """Whether this address asks for a login, and whether this client has one."""

    login_required: bool
    authenticated: bool


class Login(Body):
    """The password."""

    password: str = Field(max_length=1024)
