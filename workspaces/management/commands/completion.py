"""``manage.py completion bash|zsh``: lets a shell complete commands and options."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management import get_commands, load_command_class

from workspaces.management.operator import Answer, OperatorCommand

_APPS = ("workspaces", "replication", "supervisor")
_BASH = """\
_kcpcache_manage() {{
  local word="${{COMP_WORDS[COMP_CWORD]}}" command="" at
  for ((at = 1; at < COMP_CWORD; at++)); do
    case "${{COMP_WORDS[at]}}" in
      */manage.py|manage.py|-*) ;;
      *) command="${{COMP_WORDS[at]}}"; break ;;
    esac
  done
  case "$command" in
{cases}
    *) COMPREPLY=($(compgen -W "{commands}" -- "$word")) ;;
  esac
}}
complete -o default -F _kcpcache_manage manage.py ./manage.py
"""
_CASE = '    {name}) COMPREPLY=($(compgen -W "{options}" -- "$word")) ;;'


class Command(OperatorCommand):
    """Print a completion script."""

    help = """Print a script that lets bash or zsh complete the commands and options of manage.py."""
    examples = (
        ("bash > ~/.local/share/bash-completion/completions/manage.py", "for every bash from now on"),
        ("zsh >> ~/.zshrc", "for every zsh from now on"),
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Which shell."""
        super().add_arguments(parser)
        parser.add_argument("shell", choices=["bash", "zsh"])

    def answer(self, **options: Any) -> Answer:
        """The script."""
        known = {name: _options(app, name) for name, app in sorted(get_commands().items()) if app in _APPS}
        cases = "\n".join(_CASE.format(name=name, options=" ".join(found)) for name, found in known.items())
        script = _BASH.format(cases=cases, commands=" ".join(known))
        if options["shell"] == "zsh":
            script = (
                f"autoload -U +X compinit && compinit\nautoload -U +X bashcompinit && bashcompinit\n{script}"
            )
        return Answer({"shell": options["shell"], "script": script}, script)


def _options(app: str, name: str) -> list[str]:
    """The long options of a command, and the values of its first argument where there are few."""
    parser = load_command_class(app, name).create_parser(Path("manage.py").name, name)
    found: list[str] = []
    for action in parser._actions:
        found += [option for option in action.option_strings if option.startswith("--")]
        if not action.option_strings and action.choices:
            found += [str(choice) for choice in action.choices]
    return found
