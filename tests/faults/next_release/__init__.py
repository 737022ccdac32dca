"""A release that is yet to come: its migration is applied while the present one is at work."""
