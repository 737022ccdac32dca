"""Which customers of a salon may be one person: the same name, or nearly."""

from __future__ import annotations

import unicodedata
from difflib import SequenceMatcher

from django.db.models import Q

from customer.models import Customer
from salon.models import Salon

ALIKE = 0.8
# A word of the name has to begin alike; the rest is compared here, of so many.
LETTERS_ALIKE = 3
MOST_COMPARED = 500
MOST_SHOWN = 5


def likely_duplicates(customer: Customer, salon: Salon) -> list[Customer]:
    """Other customers of the salon whose name is the same or nearly, the likeliest first; none for a blank name."""
    name = _plain(customer.full_name)
    words = [word[:LETTERS_ALIKE] for word in customer.full_name.split() if len(word) >= 2]
    if not name or not words:
        return []
    begins_alike = Q()
    for word in words:
        begins_alike |= Q(full_name__istartswith=word) | Q(full_name__icontains=f" {word}")
    others = Customer.objects.filter(begins_alike, salons=salon).exclude(pk=customer.pk)[:MOST_COMPARED]
    ranked = [(_likeness(name, _plain(other.full_name)), other) for other in others]
    alike = sorted((pair for pair in ranked if pair[0] >= ALIKE), key=lambda pair: (-pair[0], pair[1].pk))
    return [other for _, other in alike[:MOST_SHOWN]]


def _plain(name: str) -> str:
    """Without accents and case, its words in the order of the alphabet: “Müller, Ada” is “ada muller”."""
    letters = unicodedata.normalize("NFKD", name.casefold().replace("ß", "ss"))
    kept = "".join(letter if letter.isalnum() else " " for letter in letters if not unicodedata.combining(letter))
    return " ".join(sorted(kept.split()))


def _likeness(name: str, other: str) -> float:
    return SequenceMatcher(None, name, other).ratio()
