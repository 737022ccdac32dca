"""An example for every body in the API's description; a test holds each to its schema."""

from __future__ import annotations

from typing import Any

_CUSTOMER = {"full_name": "Ada Lovelace", "phone_number": "+447400123456", "salon_ids": [1]}
_ADDRESS = {"street": "12 Marchmont Street", "city": "London", "postal_code": "WC1N 1AB", "country": "GB"}
_SALON = {
    "name": "Shear Delight",
    "phone_number": "+442079460123",
    "addresses": [_ADDRESS],
    "reminder_time_minutes": 60,
    "timezone": "Europe/London",
}
_APPOINTMENT = {
    "salon": 1,
    "user": 2,
    "customer": 3,
    "appointment_time": "2030-06-01T10:00:00+01:00",
    "end_time": "2030-06-01T10:45:00+01:00",
    "comment": "prefers the window",
    "column_id": 1,
}
_PERSON = {"full_name": "Olive Owner", "phone_number": "+447400654321"}
_STAMPS = {"created": "2030-05-01T09:00:00Z", "modified": "2030-05-01T09:00:00Z"}
_BOOKED = {
    **_APPOINTMENT,
    "id": 42,
    "appointment_time": "2030-06-01T09:00:00Z",
    "end_time": "2030-06-01T09:45:00Z",
    "status": "booked",
    "cancel_reason": "",
    "allow_overlap": False,
    "task_id": "77",
    **_STAMPS,
}
_USER = {"id": 2, "email": "olive@salon.example", **_PERSON, "is_owner": True, "is_active": True, "salons": [1]}
_MESSAGE = {
    "id": 77,
    "booking": 42,
    "salon": 1,
    "customer": 3,
    "kind": "reminder",
    "to": "+447400123456",
    "body": "",
    "visit_at": "2030-06-01T09:00:00Z",
    "due_at": "2030-06-01T08:00:00Z",
    "expires_at": "2030-06-01T09:00:00Z",
    "status": "pending",
    "reason": "",
    "attempts": 0,
    "trail": [],
    "sid": "",
    "error_code": None,
    "segments": None,
    "created_at": "2030-05-01T09:00:00Z",
    "sent_at": None,
    "delivered_at": None,
}
_TOKENS = {"access": "eyJhbGciOi…", "refresh": "eyJhbGciOi…"}
_API_KEY = {
    "id": 4,
    "name": "Web shop",
    "prefix": "3f9a1c0b7d2e",
    "scopes": ["appointments:read", "appointments:write"],
    "created_by": 2,
    "created_at": "2030-05-01T09:00:00Z",
    "last_used_at": None,
    "expires_at": None,
    "revoked_at": None,
}
_NEW_PASSWORD = {"password1": "staple staple staple", "password2": "staple staple staple"}

# By the name of the component that it is an example of.
EXAMPLES: dict[str, Any] = {
    "ApiKey": _API_KEY,
    "ApiKeyRequest": {"name": "Web shop", "scopes": ["appointments:read", "appointments:write"]},
    "NewApiKey": {**_API_KEY, "key": "bk_3f9a1c0b7d2e_5b0d…"},
    "Appointment": _BOOKED,
    "AppointmentRequest": _APPOINTMENT,
    "PatchedAppointmentRequest": {"appointment_time": "2030-06-01T11:00:00+01:00"},
    "CancelRequest": {"reason": "ill"},
    "Customer": {"id": 3, **_CUSTOMER, "opted_out": False, **_STAMPS},
    "CustomerRequest": _CUSTOMER,
    "PatchedCustomerRequest": {"full_name": "Ada King"},
    "Error": {
        "type": "client_error",
        "errors": [
            {
                "code": "slot_taken",
                "detail": "Column 1 is taken from 2030-06-01 10:00 to 10:45. Choose another time or column, or allow "
                "the overlap.",
                "attr": None,
            }
        ],
    },
    "HistoryEntry": {
        "at": "2030-05-02T09:00:00Z",
        "by": "Olive Owner",
        "action": "changed",
        "changes": [{"field": "comment", "old": "", "new": "prefers the window"}],
    },
    "LoginRequest": {"email": "olive@salon.example", "password": "correct horse battery"},
    "Message": _MESSAGE,
    "PasswordRequest": {"old_password": "correct horse battery", **_NEW_PASSWORD},
    "PasswordResetRequest": {"email": "olive@salon.example"},
    "PasswordResetConfirmRequest": {"uid": "Mg", "token": "d0ka8k-0f3b6a…", **_NEW_PASSWORD},
    "RefreshRequest": {"refresh": _TOKENS["refresh"]},
    "RegisterRequest": {
        "email": "sam@salon.example",
        "password1": "correct horse battery",
        "password2": "correct horse battery",
        "full_name": "Sam Staff",
        "phone_number": "+447400222333",
        "salons": [1],
    },
    "Salon": {
        "id": 1,
        **_SALON,
        "addresses": [{"id": 5, **_ADDRESS}],
        "reminders_moved": 14,
        **_STAMPS,
    },
    "SalonRequest": _SALON,
    "PatchedSalonRequest": {"reminder_time_minutes": 90},
    "Text": {
        **_MESSAGE,
        "preview": "Hi Ada Lovelace, You have an appointment coming up at 10:00 AM. Regards Shear Delight.",
        "replies": [],
    },
    "TokenRefresh": _TOKENS,
    "Tokens": {"user": _USER, **_TOKENS},
    "User": _USER,
    "UserRequest": _PERSON,
    "PatchedUserRequest": {"full_name": "Olive King"},
}


def add_examples(result: dict[str, Any], **_: Any) -> dict[str, Any]:
    """A drf-spectacular hook: put each example into its schema."""
    for name, example in EXAMPLES.items():
        if name in result["components"]["schemas"]:
            result["components"]["schemas"][name]["examples"] = [example]
    return result
