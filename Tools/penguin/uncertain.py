"""Which mails may follow from where an enrolment stands, and how soon: what a restore must know of the steps of a campaign. Functions of values."""


def reach(steps):
    """(step, mail, seconds) for each step of a sequence and each mail that can be reached from there; the seconds are those of the shortest way.

    A step is reached by its number; a mail is at hand where one stands at it.
    """
    order = [step["number"] for step in steps]
    soonest = {}
    # Every way leads forward, so what follows is known before what leads to it.
    for place in range(len(steps) - 1, -1, -1):
        step = steps[place]
        found = {step["number"]: 0} if step["kind"] == "email" else {}
        delay = step["seconds"] if step["kind"] == "wait" else 0
        for following in _targets(step, place, order):
            for mail, seconds in soonest[following].items():
                found[mail] = min(found.get(mail, seconds + delay), seconds + delay)
        soonest[step["number"]] = found
    return [(step, mail, seconds) for step in order for mail, seconds in sorted(soonest[step].items())]


def _targets(step, place, order):
    """The numbers of the steps to which a step may lead."""
    wanted = [step.get("then", "next"), step.get("otherwise", "next")] if step["kind"] == "condition" else [step.get("next", "next")]
    numbers = set()
    for target in wanted:
        if target == "next":
            numbers |= set(order[place + 1:place + 2])
        elif target != "exit" and target in order[place + 1:]:
            numbers.add(target)
    return numbers


def table(sequences):
    """The statements that make the temporary table `reach`; `sequences` are (tenant, campaign, version, steps)."""
    lines = [
        f"{tenant}\t{campaign}\t{version}\t{step}\t{mail}\t{seconds}"
        for tenant, campaign, version, steps in sequences for step, mail, seconds in reach(steps)]
    return "\n".join([
        "create temporary table reach (tenant_id uuid, campaign_id uuid, version integer, step integer, mail integer, seconds bigint);",
        "copy reach from stdin;", *lines, "\\.", "analyze reach;", ""])
