"""The `cspon` command: finds the verb, runs it, turns errors into messages and exit codes."""

import importlib
import os
import sys
from functools import cache
from typing import NoReturn

OFFLINE = {
    "RAGAS_DO_NOT_TRACK": "true",
    "SCARF_NO_ANALYTICS": "true",
    "DO_NOT_TRACK": "1",
    "GRADIO_ANALYTICS_ENABLED": "False",
    "VLLM_NO_USAGE_STATS": "1",
    "HF_HUB_OFFLINE": "1",
    "LANGSMITH_TRACING": "false",
}
"""Set before any library is imported: nothing may call out."""

VERBS = (
    "demo",
    "ask",
    "check",
    "review",
    "reviews",
    "access",
    "qc",
    "conditions",
    "extract",
    "diff",
    "site",
    "dual-eval",
    "serve",
    "mcp",
    "job",
    "key",
    "usage",
    "audit",
    "kb",
    "library",
    "rule",
    "indicator",
    "assess",
    "operator",
    "engine",
    "doctor",
    "bench",
    "eval",
)
"""One module `cspon.cli.<verb>` each, with a Typer `app` or a function `command`."""


def main() -> NoReturn:
    """Run the command line; exit 0 fine, 1 a check found something, 2 the user must act."""
    os.environ.update({key: value for key, value in OFFLINE.items() if key not in os.environ})
    sys.exit(run(sys.argv[1:]))


def run(arguments: list[str]) -> int:
    """Run one command and return its exit code."""
    import typer
    from typer.main import get_command

    from cspon.cli.assembly import library_place
    from cspon.errors import CsponError
    from tools.library.place import lies_in

    lies_in(cache(library_place))
    app = typer.Typer(
        name="cspon",
        help="CSPON Planner：国土空间规划领域大模型与智能体",
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
    )
    wanted = next((a for a in arguments if not a.startswith("-")), None)
    for verb in VERBS if wanted not in VERBS else (wanted,):
        module = importlib.import_module(f"cspon.cli.{verb.replace('-', '_')}")
        if hasattr(module, "app"):
            app.add_typer(module.app, name=verb)
        else:
            app.command(name=verb)(module.command)
    app.callback()(lambda: None)
    try:
        result = get_command(app)(arguments, standalone_mode=False, prog_name="cspon")
    except typer.Exit as stop:
        return stop.exit_code
    except typer.Abort:
        return 130
    except KeyboardInterrupt:
        print("已中断", file=sys.stderr)
        return 130
    except CsponError as error:
        print(f"错误：{error}", file=sys.stderr)
        return 2
    except Exception as error:  # click's own usage errors; anything else is a bug and propagates
        if hasattr(error, "show") and hasattr(error, "exit_code"):
            error.show()
            return 2
        raise
    return result if isinstance(result, int) else 0
