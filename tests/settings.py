"""The settings of the tests: a data directory of their own, whatever the environment of the caller says.

KCPCACHE_TEST_DATABASE_URL lets them run on another database than SQLite.
"""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile

_directory = tempfile.mkdtemp(prefix="kcpcache-tests-")
atexit.register(shutil.rmtree, _directory, ignore_errors=True)

_database_url = os.environ.get("KCPCACHE_TEST_DATABASE_URL")
for _name in [name for name in os.environ if name.startswith("KCPCACHE_") or name == "DATABASE_URL"]:
    del os.environ[_name]
os.environ["KCPCACHE_DATA_DIR"] = _directory
if _database_url:
    os.environ["DATABASE_URL"] = _database_url

from kcpcache.settings import *  # noqa: E402, F403
from kcpcache.settings import DATABASES  # noqa: E402

if not _database_url:
    # A file, not memory: several connections, threads and processes share it as in service.
    DATABASES["default"]["TEST"] = {"NAME": f"{_directory}/test.sqlite3"}
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
