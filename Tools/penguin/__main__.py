"""The commands of ./penguin; started by it, with Debian's Python, which is the one that has the mail server's library."""

import argparse
import os
import signal
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from chaos import command as chaos_command  # noqa: E402
from chaos import ground  # noqa: E402
from penguin import (  # noqa: E402
    audit_verify, backup, benchmarks, build, contract, demo, doctor, openapi, restore, rolling, rotate, sanitizers, stack, story, testing)
from penguin.layout import SERVICES, Layout, read_json  # noqa: E402
from penguin.postgres import psql_command, psql_environment  # noqa: E402
from penguin.processes import end_with  # noqa: E402
from penguin.terminal import Failure, Interrupted, say  # noqa: E402

PROCESSES = SERVICES + ("gateway", "peers", "postgres", "redis", "mail", "dns", "stack")


def parser():
    whole = argparse.ArgumentParser(
        prog="./penguin", description="PenguinMails on this machine: everything private, under .local, on free loopback ports.",
        epilog="PENGUIN_CONFIGURATION=release runs release builds; PENGUIN_LOCAL names another folder than .local; "
        "LOG_LEVEL=debug makes the services talk more.")
    commands = whole.add_subparsers(dest="command", metavar="command", required=True)

    def add(name, run, words):
        command = commands.add_parser(name, help=words, description=words)
        command.set_defaults(run=run)
        return command

    up = add("up", run_up, "build and start the stack; Ctrl-C stops it")
    up.add_argument("--detach", action="store_true", help="come back when it is ready; ./penguin down stops it")
    up.add_argument("--no-build", action="store_true", help="start what was built last")
    up.add_argument("--verbose", action="store_true", help="show what the compiler says")
    add("down", run_down, "stop the stack")
    again = add("restart", rolling.run, "restart services of the stack that is up, one after the other")
    rolling.options(again)
    changed = add("rotate-key", rotate.run, "put a new secret in place of an old one; without a name, say what there is and how old it is")
    rotate.options(changed)
    logs = add("logs", run_logs, "show the logs and follow them")
    logs.add_argument("process", nargs="?", choices=PROCESSES, metavar="service", help=", ".join(PROCESSES))
    logs.add_argument("--request", metavar="ID", help="instead, all that one request (X-Request-ID) or trace caused: logs, audit trail, mails and their tries")
    logs.add_argument("--files", nargs="+", metavar="FILE", help="with --request: look through these logs instead of the stack's")
    logs.add_argument("--json", action="store_true", help="with --request: one JSON object a line")
    psql = add("psql", run_psql, "[service] open the database, as superuser or as the owner of a service's schema; more words go to psql")
    psql.set_defaults(takes_more=True)
    show = add("demo", demo.run, "build, start everything, send a real campaign, show what happened")
    show.add_argument("leads", nargs="?", metavar="leads.csv", help="the leads to write to (default: Samples/leads.csv)")
    show.add_argument("--exit", action="store_true", help="stop at the end; status 0 only if every lead is accounted for")
    show.add_argument("--json", action="store_true", help="print the closing table as one JSON object")
    show.add_argument("--chaos", action="store_true", help="kill each service, empty Redis and restart Postgres on the way")
    show.add_argument("--no-build", action="store_true", help="use what was built last")
    chaos = add("chaos", chaos_command.run, "send a campaign of many companies under faults from a seed, and account for every mail")
    chaos_command.options(chaos)
    test = add("test", testing.run, "build, check and test everything; other options go to swift test, and then only that runs")
    test.add_argument("--full", action="store_true", help="also run the checks, and let tests that search for rare faults take their time")
    test.add_argument("--sanitize", choices=sanitizers.KINDS, help="only the Swift tests, built with this sanitizer in a folder of their own")
    test.set_defaults(takes_more=True)
    fuzz = add("fuzz", testing.run_fuzz, "give broken bytes to everything that reads foreign ones: files, templates, searches, tokens, mails, answers")
    fuzz.add_argument("target", nargs="?", metavar="TARGET", help="only the tests of this one, such as CampaignsTests")
    fuzz.add_argument("--seconds", type=int, default=30, metavar="N", help="so long for each reader (default: 30)")
    fuzz.add_argument("--seed", type=int, metavar="N", help="begin with this one, as a failure names it")
    fuzz.add_argument("--sanitize", choices=sanitizers.KINDS, help="with this sanitizer")
    console = add("console-test", testing.run_console, "test the console in a browser; other options go to unittest, such as -k leads")
    console.add_argument("--no-build", action="store_true", help="use what was built last")
    console.set_defaults(takes_more=True)
    apart = add("isolation", testing.run_isolation, "ask as one company for everything of another; other options go to unittest, such as -k rpc")
    apart.add_argument("--no-build", action="store_true", help="use what was built last")
    apart.set_defaults(takes_more=True)
    bench = add("bench", benchmarks.run, "run one benchmark or all")
    bench.add_argument("name", nargs="?", metavar="NAME")
    bench.add_argument("--no-build", action="store_true", help="use what was built last")
    bench.add_argument("--rows", type=int, metavar="N", help="campaigns: leads to import (default: 1000000); audit: entries (default: 5000000)")
    bench.add_argument("--enrolments", type=int, metavar="N", help="campaigns: enrolments to schedule among (default: 5000000)")
    bench.add_argument(
        "--mails", type=int, metavar="N", help="fairness: mails of the big company (default: 200000); soak: mails that tell the maximum (default: 20000)")
    bench.add_argument("--minutes", type=float, metavar="N", help="soak: how long (default: 30)")
    bench.add_argument("--json", action="store_true", help="one JSON object a line: name, value, unit, beside, ratio")
    audit = add("audit", run_audit, "check a company's audit trail: every row against the signed tree; status 0 clean, 1 tampered, 2 incomplete")
    audit.add_argument("what", choices=["verify"])
    audit_verify.options(audit)
    saved = add("backup", backup.run, "write the database as of one moment, keys, passwords and certificates into one encrypted file")
    backup.options(saved)
    restored = add("restore", restore.run, "bring a backup into an empty folder or database; what may have been sent since is held, not sent again")
    restore.options(restored)
    looked = add("doctor", doctor.run, "look at machine, settings, keys, servers and services; say what is wrong and what to do; status 1 if anything must be mended")
    doctor.options(looked)
    description = add("openapi", openapi.run, "print the description of the public API (OpenAPI 3.1), after checking it")
    description.add_argument("--output", metavar="FILE", help="write it there instead")
    held = add("contract", contract.run, "ask the stack that is up all that the description says (Schemathesis): no 5xx, no answer that it does not name")
    held.add_argument("--examples", type=int, default=20, metavar="N", help="at most so many random requests an operation (default: 20)")
    held.add_argument("--seconds", type=int, default=600, metavar="N", help="at most so long (default: 600)")
    held.add_argument("--coverage", action="store_true", help="also each limit of each parameter and member, from both sides: takes many times as long")
    held.add_argument("--seed", type=int, default=1, metavar="N", help="the same seed asks the same (default: 1)")
    held.add_argument("--tag", action="append", metavar="TAG", help="only this part of the description; may be given again")
    add("lint", lambda _: testing.lint().failed, "say what is not formatted as the house formats")
    add("format", lambda _: testing.format_sources(), "format all Swift sources")
    add("help", lambda _: whole.print_help(), "show this")
    return whole


def parse(arguments):
    """The options; `more` holds what a command passes on to the program behind it."""
    whole = parser()
    options, options.more = whole.parse_known_args(arguments)
    if options.more and not getattr(options, "takes_more", False):
        whole.error(f"{options.command} does not take {' '.join(options.more)}")
    return options


def run_up(options):
    layout = Layout()
    if stack.RunningStack.find(layout):
        raise Failure("The stack is up already: " + read_json(layout.state)["url"])
    if not options.no_build:
        build.build(verbose=options.verbose)
    if options.detach:
        stack.RunningStack.start(layout, detached=True)
    else:
        stack.supervise(layout)


def supervise(arguments):
    """What `up --detach` and `demo` start: the keeper of a stack, which may end with the process that started it."""
    if arguments[:1] == ["--leash"]:
        end_with(int(arguments[1]))
    stack.supervise(Layout(), quiet_when_ready=True, planned=ground.plan if "--faults" in arguments else None)


def run_down(_):
    say("  Stopped." if stack.stop(Layout()) else "  Nothing was running.")


def run_logs(options):
    if options.request:
        return story.run(options)
    layout = Layout()
    files = [layout.log(name) for name in ([options.process] if options.process else PROCESSES)]
    files = [str(file) for file in files if file.exists()]
    if not files:
        raise Failure("There are no logs yet. ./penguin up or ./penguin demo makes some.")
    follow = ["-F"] if sys.stdout.isatty() else []
    os.execvp("tail", ["tail", "-n", "40" if follow else "200", *follow, *files])


def run_psql(options):
    layout = Layout()
    state, passwords = read_json(layout.state), read_json(layout.secrets)
    if not (state and passwords and stack.is_ready(layout)):
        raise Failure("The stack is not up. Start it with ./penguin up.")
    service = options.more.pop(0) if options.more[:1] and options.more[0] in SERVICES else None
    role = f"{service}_owner" if service else "postgres"
    command = psql_command(state["ports"]["postgres"], role) + options.more
    os.execve(command[0], command, psql_environment(passwords[role]))


def run_audit(options):
    layout = Layout()

    def stack_psql():
        state, passwords = read_json(layout.state), read_json(layout.secrets)
        if not (state and passwords and stack.is_ready(layout)):
            raise audit_verify.Incomplete("the stack is not up: start it with ./penguin up, or name a database with --database")
        return psql_command(state["ports"]["postgres"], "audit_owner"), psql_environment(passwords["audit_owner"])

    return audit_verify.run(options, layout.keys / "trail.pub", stack_psql)


def main():
    # A parent may have blocked signals (a test runner does); whoever we start must be able to hear SIGTERM.
    signal.pthread_sigmask(signal.SIG_SETMASK, ())
    # Lines of ours and of the programs we start come out in the order in which they were written.
    sys.stdout.reconfigure(line_buffering=True)
    try:
        if sys.argv[1:2] == ["supervise"]:
            return supervise(sys.argv[2:])
        options = parse(sys.argv[1:])
        return options.run(options)
    except Failure as failure:
        say(f"penguin: {failure}")
        return 1
    except (KeyboardInterrupt, Interrupted):
        say()
        return 128 + signal.SIGINT


if __name__ == "__main__":
    sys.exit(main())
