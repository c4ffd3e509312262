"""The Django project: floor (machinery without apps) and roof (settings and entry points).

The Celery app lies in `kcpcache.celery` and is loaded with the app registry (`supervisor.apps`), so that
reading the settings alone costs nothing.
"""

__version__ = "0.1.0"
