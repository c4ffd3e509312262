"""The store's own signals. They carry hints, never decisions."""

from __future__ import annotations

from django.dispatch import Signal

# Sent inside the writing transaction, once for each change. Arguments: change (store.objects.Written).
changed = Signal()
