"""The table at the end of a run."""

from penguin.terminal import duration, table


def text(result, again):
    rows = [
        ("kept" if not line["problems"] else "BROKEN", f"{line['promise']}: {line['figures']}") for line in result["lines"]]
    words = [table(rows)]
    for line in result["lines"]:
        words += [f"  - {line['promise']}: {problem}" for problem in line["problems"]]
    words += [f"  - the fault could not be caused: {fault}" for fault in result["missed"]]
    acts = result["acts"]
    words += [
        "", table([
            ("faults", f"{len(result['faults'])} caused, {result['late']} of them after the last mail; {len(result['missed'])} could not be"),
            ("acts of owners meanwhile", f"{acts['answered']} answered, {acts['unanswered']} not"),
            ("waits cut short", f"{result['hurried']}; mailboxes resumed by their owners: {result['resumed']}"),
            ("took", duration(result["seconds"])), ("again", again)]),
        "", "Every mail is accounted for." if result["ok"] else "Not every promise was kept.",
    ]
    return "\n".join(words)
