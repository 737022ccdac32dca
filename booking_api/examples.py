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
    "late_cancel_hours": 24,
}
_APPOINTMENT = {
    "salon": 1,
    "user": 2,
    "customer": 3,
    "appointment_time": "2030-06-01T10:00:00+01:00",
    "end_time": "2030-06-01T10:45:00+01:00",
    "comment": "prefers the window",
    "column_id": 1,
    "services": [11],
}
_PERSON = {"full_name": "Olive Owner", "phone_number": "+447400654321"}
_STAMPS = {"created": "2030-05-01T09:00:00Z", "modified": "2030-05-01T09:00:00Z"}
_BOOKED = {
    **_APPOINTMENT,
    "id": 42,
    "appointment_time": "2030-06-01T09:00:00Z",
    "end_time": "2030-06-01T09:45:00Z",
    "services": [11],
    "price": "42.00",
    "currency": "GBP",
    "status": "booked",
    "cancel_reason": "",
    "cancelled_by_customer": False,
    "cancelled_at": None,
    "allow_overlap": False,
    "allow_outside_hours": False,
    "series": None,
    "series_position": None,
    "changed_alone": False,
    "task_id": "77",
    **_STAMPS,
}
_PLANNED_SERIES = {**_APPOINTMENT, "rule": "FREQ=WEEKLY;INTERVAL=6;COUNT=8"}
_SERIES = {
    "id": 6,
    "salon": 1,
    "customer": 3,
    "rule": "FREQ=WEEKLY;INTERVAL=6;COUNT=8",
    "starts_at": "2030-06-01T10:00:00",
    "visits_ahead": 8,
    "created_by": 2,
    "created": "2030-05-01T09:00:00Z",
}
_SERIES_WITH_VISITS = {**_SERIES, "visits": [{**_BOOKED, "series": 6, "series_position": 1}]}
_OCCURRENCE = {
    "position": 2,
    "on_the_clock": "2030-07-13T10:00:00",
    "appointment_time": "2030-07-13T09:00:00Z",
    "is_shifted": False,
    "can_be_booked": False,
    "code": "salon_closed",
    "message": "The salon is closed then. Choose another time.",
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

_SERVICE = {
    "salon": 1,
    "name": "Cut and finish",
    "duration_minutes": 45,
    "buffer_before_minutes": 0,
    "buffer_after_minutes": 5,
    "gap_after_minutes": 0,
    "gap_minutes": 0,
    "price": "42.00",
    "currency": "GBP",
    "is_active": True,
    "position": 1,
    "colour": "#3b82f6",
    "people": [2],
}
_CHAIR = {"salon": 1, "column_id": 1, "name": "Window", "position": 1, "services": [], "people": []}
_WORKING_HOURS = {
    "salon": 1,
    "user": 2,
    "weekday": 0,
    "opens": "09:00:00",
    "closes": "17:30:00",
    "valid_from": None,
    "valid_until": None,
}
_SPECIAL_HOURS = {"salon": 1, "user": 2, "date": "2030-12-24", "opens": "09:00:00", "closes": "13:00:00"}
_TIME_OFF = {
    "salon": 1,
    "user": None,
    "first_day": "2030-12-25",
    "last_day": "2030-12-26",
    "begins": None,
    "ends": None,
    "is_yearly": True,
    "reason": "Christmas",
}
_BLOCK = {
    "salon": 1,
    "user": 2,
    "column_id": 1,
    "starts_at": "2030-06-01T12:00:00Z",
    "ends_at": "2030-06-01T12:30:00Z",
    "label": "Lunch",
}
_ENTRY = {
    "salon": 1,
    "customer": 3,
    "services": [11],
    "user": None,
    "first_day": "2030-06-01",
    "last_day": "2030-06-14",
    "not_before": "17:00:00",
    "not_after": None,
}
_OFFER = {
    "id": 6,
    "appointment": 43,
    "starts_at": "2030-06-04T16:00:00Z",
    "ends_at": "2030-06-04T16:45:00Z",
    "expires_at": "2030-06-02T10:30:00Z",
    "outcome": "open",
}
_STRETCH = {"begins_at": "2030-06-01T08:00:00Z", "ends_at": "2030-06-01T16:30:00Z"}
_SLOT = {
    "slot": "2.1.31783860",
    "user": 2,
    "starts_at": "2030-06-01T09:00:00Z",
    "ends_at": "2030-06-01T09:45:00Z",
    "column_ids": [1, 2],
}
_DAY = {
    "salon": 1,
    "date": "2030-06-01",
    "timezone": "Europe/London",
    "begins_at": "2030-05-31T23:00:00Z",
    "ends_at": "2030-06-01T23:00:00Z",
    "closed": [],
    "chairs": [{"column_id": 1, "name": "Window"}],
    "people": [{"user": 2, "name": "Olive Owner", "plans_hours": True, "working": [_STRETCH], "away": []}],
    "services": [{"id": 11, **_SERVICE}],
    "visits": [
        {
            "booking": _BOOKED,
            "customer_name": "Ada Lovelace",
            "customer_phone_number": "+447400123456",
            "opted_out": False,
            "busy": [{"begins_at": "2030-06-01T09:00:00Z", "ends_at": "2030-06-01T09:50:00Z"}],
            "texts": [
                {
                    "id": 77,
                    "kind": "reminder",
                    "status": "pending",
                    "reason": "",
                    "due_at": "2030-06-01T08:00:00Z",
                    "sent_at": None,
                    "delivered_at": None,
                }
            ],
        }
    ],
    "blocks": [{"id": 9, **_BLOCK, **_STAMPS}],
}

_CALENDAR_FEED = {
    "id": 6,
    "name": "My phone",
    "user": 2,
    "salon": None,
    "shows_customers": True,
    "prefix": "3f9a1c0b7d2e",
    "created_at": "2030-05-01T09:00:00Z",
    "last_fetched_at": None,
    "revoked_at": None,
}

# By the name of the component that it is an example of.
EXAMPLES: dict[str, Any] = {
    "ApiKey": _API_KEY,
    "ApiKeyRequest": {"name": "Web shop", "scopes": ["appointments:read", "appointments:write"]},
    "NewApiKey": {**_API_KEY, "key": "bk_3f9a1c0b7d2e_5b0d…"},
    "Availability": {"user": 2, "slots": [_SLOT]},
    "Appointment": _BOOKED,
    "AppointmentRequest": _APPOINTMENT,
    "PatchedAppointmentRequest": {"appointment_time": "2030-06-01T11:00:00+01:00"},
    "Block": {"id": 9, **_BLOCK, **_STAMPS},
    "BlockRequest": _BLOCK,
    "PatchedBlockRequest": {"label": "Meeting"},
    "CalendarFeed": _CALENDAR_FEED,
    "CalendarFeedRequest": {"name": "My phone", "salon": None, "shows_customers": True},
    "NewCalendarFeed": {**_CALENDAR_FEED, "url": "https://booking.example.com/calendars/3f9a1c0b7d2e-5b0d.ics"},
    "CancelRequest": {"reason": "ill", "by_customer": True},
    "CancelSeriesRequest": {"from": 45, "reason": "moving away", "by_customer": True},
    "ChangeSeriesRequest": {"from": 45, "time_of_day": "11:30:00", "shift_days": 1},
    "ChangedSeries": {**_SERIES_WITH_VISITS, "changed": [45, 46], "left_alone": [47]},
    "MadeSeries": {**_SERIES_WITH_VISITS, "left_out": [_OCCURRENCE]},
    "NewSeriesRequest": {**_PLANNED_SERIES, "skip_clashes": True},
    "Occurrence": _OCCURRENCE,
    "PlannedSeriesRequest": _PLANNED_SERIES,
    "Series": _SERIES,
    "SeriesWithVisits": _SERIES_WITH_VISITS,
    "Chair": {"id": 5, **_CHAIR},
    "ChairRequest": _CHAIR,
    "PatchedChairRequest": {"name": "Mirror"},
    "Day": _DAY,
    "Holiday": {"date": "2030-12-25", "name": "Christmas Day", "is_closed": True},
    "Customer": {
        "id": 3,
        **_CUSTOMER,
        "opted_out": False,
        "unreachable": None,
        "no_shows": 0,
        "late_cancellations": 1,
        **_STAMPS,
    },
    "CustomerRequest": _CUSTOMER,
    "PatchedCustomerRequest": {"full_name": "Ada King"},
    "Error": {
        "type": "client_error",
        "errors": [
            {
                "code": "slot_taken",
                "detail": "Window is taken from 2030-06-01 10:00 to 10:45. Choose another time or chair, or allow "
                "the overlap.",
                "attr": None,
            }
        ],
    },
    "Entry": {"id": 12, **_ENTRY, "state": "offered", "offer": _OFFER, **_STAMPS},
    "EntryRequest": _ENTRY,
    "PatchedEntryRequest": {"last_day": "2030-06-30"},
    "Offer": _OFFER,
    "HistoryEntry": {
        "at": "2030-05-02T09:00:00Z",
        "by": "Olive Owner",
        "action": "changed",
        "changes": [{"field": "comment", "old": "", "new": "prefers the window"}],
    },
    "ImportRequest": {
        "what": "customers",
        "csv": "phone_number,full_name\r\n07400 123456,Ada Lovelace\r\n",
        "dry_run": True,
        "on_error": "stop",
        "confirm": False,
    },
    "LoginRequest": {"email": "olive@salon.example", "password": "correct horse battery"},
    "Message": _MESSAGE,
    "PasswordRequest": {"old_password": "correct horse battery", **_NEW_PASSWORD},
    "PasswordResetRequest": {"email": "olive@salon.example"},
    "PasswordResetConfirmRequest": {"uid": "Mg", "token": "d0ka8k-0f3b6a…", **_NEW_PASSWORD},
    "Report": {
        "what": "customers",
        "dry_run": True,
        "is_written": False,
        "made": 1,
        "changed": 0,
        "skipped": 0,
        "failed": 1,
        "history": 0,
        "notes": [],
        "lines": [
            {"line": 2, "outcome": "made", "code": "", "detail": ""},
            {
                "line": 3,
                "outcome": "failed",
                "code": "cannot_receive_texts",
                "detail": "phone_number: This number cannot receive texts; give a mobile number.",
            },
        ],
        "left_out": 0,
    },
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
    "Service": {"id": 11, **_SERVICE},
    "ServiceRequest": _SERVICE,
    "PatchedServiceRequest": {"price": "45.00"},
    "SpecialHours": {"id": 21, **_SPECIAL_HOURS},
    "SpecialHoursRequest": _SPECIAL_HOURS,
    "PatchedSpecialHoursRequest": {"closes": "14:00:00"},
    "TimeOff": {"id": 31, **_TIME_OFF},
    "TimeOffRequest": _TIME_OFF,
    "PatchedTimeOffRequest": {"last_day": "2030-12-27"},
    "WorkingHours": {"id": 41, **_WORKING_HOURS},
    "WorkingHoursRequest": _WORKING_HOURS,
    "PatchedWorkingHoursRequest": {"closes": "18:00:00"},
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
