"""The commands for operators: help that teaches, output for scripts, exit codes."""

from __future__ import annotations

import io
import json
import shutil
import subprocess
from typing import Any

import pytest
from django.core.management import CommandError, call_command, get_commands, load_command_class
from django.db import OperationalError
from django.test import override_settings

from kcpcache.apiserver import authorization
from kcpcache.apiserver.requestinfo import RequestInfo
from replication.replica import connection, presence
from tests.unit.insight import installation
from tests.unit.replication import provider
from tests.unit.replication.provider import ALICE, CLOUD
from workspaces import adminaccess, tasks, tokens
from workspaces.management import operator
from workspaces.models import Change
from workspaces.registry import client
from workspaces.store import revisions

COMMANDS = [
    "backup",
    "cachedresources",
    "compact",
    "completion",
    "consumers",
    "create_token",
    "doctor",
    "restore",
    "status",
    "verify_replica",
    "why",
]


def run(*arguments: str) -> tuple[int, str]:
    """Exit code and output."""
    output = io.StringIO()
    try:
        call_command(*arguments, stdout=output, stderr=io.StringIO())
    except SystemExit as end:
        return int(str(end.code)), output.getvalue()
    return 0, output.getvalue()


def run_json(*arguments: str) -> tuple[int, Any]:
    code, output = run(*arguments, "--output", "json")
    return code, json.loads(output)


@pytest.mark.parametrize("name", COMMANDS)
def test_help_teaches(name: str) -> None:
    command = load_command_class(get_commands()[name], name)
    text = command.create_parser("manage.py", name).format_help()
    assert "examples:" in text
    assert "exit codes:" in text
    assert f"manage.py {name}" in text.partition("examples:")[2]


def test_status_is_well_when_everything_is(published: None) -> None:
    presence.tick(connection.client())
    code, screen = run("status")
    assert code == 0, screen
    assert "cpuflavors-v1" in screen
    assert "celery@test" in screen
    code, found = run_json("status")
    assert code == 0
    assert found["cached_resources"][0]["is_synced"] is True
    assert found["is_safe_to_restart"]["is_well"] is True


def test_status_fails_and_says_what_is_wrong(published: None) -> None:
    connection.client().flushall()
    code, screen = run("status")
    assert code == 1
    assert "ReplicaMissing" in screen
    assert "No worker is at work." in screen


def test_doctor_fails_while_beat_is_away(published: None) -> None:
    code, checks = run_json("doctor")
    assert code == 1
    assert [check["name"] for check in checks if not check["is_well"]] == ["beat"]
    presence.tick(connection.client())
    assert run("doctor")[0] == 0


def test_cachedresources_and_consumers(published: None) -> None:
    code, found = run_json("cachedresources", "--workspace", f"root:{CLOUD}")
    assert code == 0
    assert [(each["name"], each["cache"], each["lag_changes"]) for each in found] == [("cpuflavors-v1", 2, 0)]
    code, found = run_json("consumers", "--provider", f"root:{CLOUD}")
    assert (code, [each["workspace"] for each in found]) == (0, [f"root:{ALICE}"])
    assert run("cachedresources", "--wrong") == (0, "There are none.\n")


def test_why_fails_at_the_link_that_is_broken(published: None) -> None:
    assert run("why", f"root:{ALICE}", "cpuflavors", "cpu-1")[0] == 0
    code, text = run("why", f"root:{ALICE}", "cpuflavors", "nope")
    assert code == 1
    assert "FAIL source object" in text
    assert "->" in text


@pytest.mark.parametrize(
    "arguments",
    [
        ("cachedresources", "--workspace", "root:nowhere"),
        ("consumers", "--workspace", "root:nowhere"),
        ("create_token", "x", "--expires-in", "soon"),
        ("create_token", "x", "--group", "system:nodes"),
        ("create_token", "system:masters"),
        ("create_token", "x", "--group", "g" * 151),
        ("kubeconfig", "--user", "x", "--group", "system:nodes"),
        ("kubeconfig", "--user", "system:kcpcache"),
        ("compact", "--max-rows", "0"),
        ("compact", "--max-rows", "99999999999999999999"),
        ("compact", "--max-age-seconds", "-1"),
        ("compact", "--max-age-seconds", "99999999999999"),
    ],
)
def test_wrong_command_lines_are_usage_errors(cloud: None, arguments: tuple[str, ...]) -> None:
    with pytest.raises(CommandError) as refusal:
        call_command(*arguments)
    assert refusal.value.returncode == 2


def test_token_is_printed_once_and_works(cloud: None) -> None:
    _, output = run("create_token", "alice", "--group", "devs", "--expires-in", "8h")
    found = tokens.find(output.strip())
    assert found is not None
    assert found.user.get_username() == "alice"
    assert [group.name for group in found.user.groups.all()] == ["devs"]
    assert found.expires is not None
    assert output.strip() not in repr(found.__dict__)


def test_token_for_figures_can_be_made(cloud: None) -> None:
    errors = io.StringIO()
    output = io.StringIO()
    call_command("create_token", "prometheus", "--group", "system:monitoring", stdout=output, stderr=errors)
    found = tokens.find(output.getvalue().strip())
    assert found is not None
    figures = RequestInfo(verb="get", rest="/metrics")
    assert authorization.allows(adminaccess.api_user(found.user), figures)
    assert "may do nothing" not in errors.getvalue()


def test_token_of_a_user_who_may_do_nothing_says_so(cloud: None) -> None:
    errors = io.StringIO()
    call_command("create_token", "alice", "--group", "devs", stdout=io.StringIO(), stderr=errors)
    assert "alice may do nothing: give --group system:masters or system:monitoring." in errors.getvalue()
    tokens.create("alice", ["system:masters"], None)
    errors = io.StringIO()
    call_command("create_token", "alice", stdout=io.StringIO(), stderr=errors)
    assert "may do nothing" not in errors.getvalue()


@pytest.mark.parametrize("name", ["create_token", "kubeconfig"])
def test_help_says_where_rights_come_from(name: str) -> None:
    command = load_command_class(get_commands()[name], name)
    text = " ".join(command.create_parser("manage.py", name).format_help().split())
    assert "RBAC" not in text and "deployers" not in text
    assert "members of system:monitoring may read /metrics, and nobody else may do anything" in text


def test_status_fails_when_consumers_are_not_ready(published: None) -> None:
    presence.tick(connection.client())
    assert run("status")[0] == 0
    client.delete(CLOUD, "apis.kcp.io", "apiexports", "compute")
    provider.work_off()
    code, screen = run("status")
    assert code == 1
    assert "1 consumers, 1 of them not ready" in screen
    assert "FAIL APIExportNotFound: 1 APIBinding is not ready" in screen
    assert f"compute in root:{ALICE}" in screen
    assert "-> Create the APIExport" in screen
    code, found = run_json("status")
    assert (code, [each["reason"] for each in found["troubles"]]) == (1, ["APIExportNotFound"])


def test_status_fails_when_a_controller_fails_again_and_again(published: None) -> None:
    presence.tick(connection.client())
    installation.fail("apiexport", "compute", 3)
    code, screen = run("status")
    assert code == 1
    assert "FAIL ReconcileFailed: The controller apiexport failed 3 times at compute" in screen


def test_compact_keeps_what_the_settings_say(published: None) -> None:
    with override_settings(KCPCACHE_CHANGE_LOG_ROWS=1000):
        assert run_json("compact")[1]["deleted"] == 0
    # A parser is made with each call, and so reads the settings of then.
    with override_settings(KCPCACHE_CHANGE_LOG_ROWS=2):
        run("compact")
        assert Change.objects.count() == 2
    provider.create_flavors("more", "and-more", "most")
    with override_settings(KCPCACHE_CHANGE_LOG_ROWS=3):
        tasks.compact()
        assert Change.objects.count() == 3
    with override_settings(KCPCACHE_CHANGE_LOG_SECONDS=0):
        tasks.compact()
        assert Change.objects.count() == 1


def test_compact_says_from_where_watches_resume(published: None) -> None:
    code, found = run_json("compact", "--max-age-seconds", "0")
    assert code == 0
    assert found["deleted"] > 0
    assert found["compacted_revision"] == revisions.newest().compacted


def test_compact_follows_what_workers_keep(published: None) -> None:
    assert run_json("compact")[1]["deleted"] == 0


@pytest.mark.parametrize("shell", ["bash", "zsh"])
def test_completion_is_a_script_that_the_shell_reads(shell: str) -> None:
    _, script = run("completion", shell)
    assert all(name in script for name in COMMANDS)
    assert "--watch" in script
    if shutil.which(shell) and shell == "bash":
        subprocess.run([shell, "-n"], input=script, text=True, check=True)


def test_completion_completes(tmp_path) -> None:  # type: ignore[no-untyped-def]
    script = tmp_path / "completion"
    script.write_text(run("completion", "bash")[1])
    typed = "COMP_WORDS=(./manage.py why --out); COMP_CWORD=2"
    asked = f'source {script}; {typed}; _kcpcache_manage; echo "${{COMPREPLY[*]}}"'
    done = subprocess.run(["bash", "-c", asked], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "--output"


def test_database_that_does_not_answer_is_one_sentence() -> None:
    sentence = operator.unreachable_database(OperationalError("connection refused\nIs the server running?"))
    assert sentence.endswith("does not answer: connection refused.")
    assert "\n" not in sentence
    prepared = operator.unreachable_database(OperationalError("no such table: workspaces_counter"))
    assert "manage.py prepare" in prepared


def test_what_is_late_is_shown(published: None) -> None:
    provider.create_flavors("cpu-3")
    _, found = run_json("cachedresources")
    assert found[0]["lag_changes"] == 1
    assert client.get(CLOUD, provider.GROUP, "cpuflavors", "cpu-3") is not None
