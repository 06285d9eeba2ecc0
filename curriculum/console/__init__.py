"""Everything that people see: the only room that draws, from events and plain data alone.

    with console.observe(quiet=False) as observer:      # progress and messages, to stderr
        run(request, [observer])
    console.show_results(document)                      # results, to stdout

On a terminal a live display at 4 Hz; elsewhere plain lines, one every few seconds and one at each
event of note. A stream is a terminal if it says so itself: no variable of the environment overrules
that.
"""

from curriculum.console.output import (
    help_console,
    observe,
    say,
    show_costs,
    show_error,
    show_evaluation,
    show_plan,
    show_problems,
    show_results,
    show_status,
    show_targets,
    show_usage_error,
    show_verify,
    warn_lines,
    warn_problems,
)

__all__ = [
    "help_console",
    "observe",
    "say",
    "show_costs",
    "show_error",
    "show_evaluation",
    "show_plan",
    "show_problems",
    "show_results",
    "show_status",
    "show_targets",
    "show_usage_error",
    "show_verify",
    "warn_lines",
    "warn_problems",
]
