"""The command line: `replicate zeiler profile=laptop experiments=[fig2,table1]`; see `replicate --help`."""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Callable
from typing import TYPE_CHECKING

# cuBLAS reads this once, before its first call; without it matrix products on a GPU are not reproducible.
os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")

from replications.paths import project_root
from replications.suite.errors import WrongInput, sentence
from replications.suite.ledger import LedgerError

if TYPE_CHECKING:
    from replications.suite.settings import Settings

CONF = project_root() / "conf"
INTERRUPTED = 130


def main() -> None:
    """Run the command line and exit: 1 if an experiment failed or was asked for in vain, 2 if the input was wrong."""
    sys.exit(run(sys.argv[1:]))


def run(arguments: list[str], do: Callable[[Settings], int] | None = None) -> int:
    """The exit status of the command line with these arguments; says in one sentence what is wrong with them.

    do: what is done with them instead of a replication.
    """
    try:
        return _run(arguments, do)
    except KeyboardInterrupt:
        print("\ninterrupted; what is finished is kept: run the same command again to go on", file=sys.stderr)
        return INTERRUPTED
    except (WrongInput, LedgerError, OSError) as error:
        if os.environ.get("REPLICATIONS_TRACEBACK"):
            traceback.print_exc()
        print(f"replicate: {sentence(error)}", file=sys.stderr)
        return 2


def _run(arguments: list[str], do: Callable[[Settings], int] | None) -> int:
    from replications.suite.command_line import complete, is_special, options_first, parse
    from replications.suite.launch import is_sweep, run_once, run_sweep
    from replications.suite.words import in_words

    if "TORCHELASTIC_RUN_ID" in os.environ and int(os.environ.get("WORLD_SIZE", "1")) > 1:
        raise WrongInput(
            "torchrun started this more than once, but a run uses one GPU: start one run for each GPU instead, as in "
            "CUDA_VISIBLE_DEVICES=1 replicate ... experiments=table3; they share the networks that they train"
        )
    if do is None:
        done, arguments = in_words(CONF, arguments)
        if done is not None:
            return done
    from replications.suite.page import replicate

    arguments = options_first(arguments)
    complete_arguments = complete(CONF, arguments)
    typed = parse(arguments)
    if is_sweep(typed) and not is_special(typed):
        return run_sweep(CONF, typed, complete_arguments[len(arguments) :], do or replicate)
    return run_once(CONF, complete_arguments, do or replicate)


if __name__ == "__main__":
    main()
