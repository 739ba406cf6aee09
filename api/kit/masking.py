"""Personal data for those who may not see it: enough left to recognise what one knows, too little to learn it."""

from typing import Final

_HIDDEN: Final = "***"


def mask_name(name: str) -> str:
    """`Jane` -> `J***`"""
    return name[:1] + _HIDDEN


def mask_email(email: str) -> str:
    """`jane@example.org` -> `j***@***`"""
    return f"{email[:1]}{_HIDDEN}@{_HIDDEN}"


def mask_phone(phone: str) -> str:
    """`+49 171 1234567` -> `***67`; nothing of a number too short to hide the rest."""
    return _HIDDEN + phone[-2:] if len(phone) > 6 else _HIDDEN


def mask_address(_address: str) -> str:
    """`***`"""
    return _HIDDEN


def mask_date(date: str) -> str:
    """`1980-05-17` -> `1980-**-**`"""
    return f"{date[:4]}-**-**"
