"""What children print, in the supervisor's log."""

from __future__ import annotations

import json
import logging

from kcpcache import logs
from supervisor import lines


def test_line_to_read_has_the_programs_name_in_front() -> None:
    assert lines.to_read("web", b"up") == b"web    | up\n"


def test_record_of_our_own_keeps_its_fields_for_machines() -> None:
    record = logging.LogRecord("kcpcache.test", logging.WARNING, __file__, 1, "it is gone", (), None)
    printed = logs.JSONFormatter().format(record).encode()
    assert json.loads(lines.for_machines("worker", printed)) == {"program": "worker", **json.loads(printed)}


def test_any_other_line_becomes_the_message_of_a_record() -> None:
    for printed in (b'12:M Ready to accept "connections"', b"{not json", b'{"time": now}', b"\xff\x00", b""):
        line = lines.for_machines("redis", printed)
        assert line.count(b"\n") == 1
        entry = json.loads(line)
        assert (entry["program"], entry["message"]) == ("redis", printed.decode(errors="replace"))
        assert entry.keys() >= {"time", "level", "logger", "request_id"}
