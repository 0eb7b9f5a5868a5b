"""The verdict on facts that are right, and on facts in which one thing is not: each must be told apart."""

import copy
import unittest

from chaos.facts import message_id
from chaos.verdict import verdict

HOLD, RESEND = "11111111-1111-1111-1111-111111111111", "22222222-2222-2222-2222-222222222222"


def company(tenant, policy):
    """Ten leads: five accepted, one refused, one of unknown fate, one suppressed at its claim, two taken out before the hand-over.

    Under resend the one of unknown fate was lost and has been accepted at its second try.
    """
    unknown = "ambiguous" if policy == "hold" else "accepted"
    states = ["accepted"] * 5 + ["refused", unknown, "suppressed"]
    resent = int(policy == "resend")
    sends = [
        {"id": f"{tenant[0]}-{number}", "key": f"campaign:{tenant[0]}{number}:1", "to": f"lead{number}@{tenant[0]}.example", "state": state,
         "ambiguities": 1 if number == 6 else 0}
        for number, state in enumerate(states)
    ]
    for send in sends:
        send["message_id"] = message_id(tenant, send["key"])
    return {
        "tenant": tenant, "policy": policy, "leads": 10, "listed": ["listed@x.example"], "sends": sends,
        "counters": {
            "status": "completed", "total": 10, "waiting": 0, "queued": 0, "deferred": 0, "finished": 5 + resent, "held": 1 - resent, "bounced": 1, "failed": 0,
            "suppressed": 3, "outstanding": 0, "stat_sent": 6, "stat_refused": 1},
        "enrolments": {"finished": 5 + resent, "held": 1 - resent, "bounced": 1, "suppressed": 3},
        "campaign_states": {"accepted": 5 + resent, "refused": 1, "ambiguous": 1 - resent, "suppressed": 1},
        "quota": {"used": 7, "reserved": 0, "reservations_used": 7, "reservations_open": 0, "delivery_used": 7, "unreserved": 0},
        "acts": {"made": ["t1", "t2"], "told": ["t1", "t2"], "answered": ["t2"]},
        "actions": {name: 1 for name in (
            "workspace.create", "domain.add", "import.finish", "campaign.create", "campaign.launch", "delivery_settings.change")},
        "trail": {"is_clean": True, "events": 9},
    }


def facts():
    companies = [company(HOLD, "hold"), company(RESEND, "resend")]
    record = []
    for each in companies:
        for send in each["sends"]:
            fate = {"accepted": "taken", "refused": "refused", "ambiguous": "silent"}.get(send["state"])
            if fate:
                record.append({"id": send["message_id"], "to": send["to"], "fate": fate})
    # What was refused at the recipient has no Message-ID yet.
    record.append({"id": None, "to": "gone@x.example", "fate": "refused"})
    return {
        "companies": companies, "record": record,
        "queues": [{"queue": "queue:email-sending", "active": 0, "waiting": 0, "failed": 4, "active_rows": 0, "waiting_rows": 0, "failed_rows": 4}],
        "outbox": {"auth": 0, "delivery": 0}, "quarantined": {"auth": 0, "delivery": 0}, "platform_trail": {"is_clean": True, "events": 1},
    }


class VerdictTests(unittest.TestCase):
    def broken(self, change):
        """The promises that are not kept once `change` has been done to the facts."""
        doctored = copy.deepcopy(facts())
        change(doctored)
        return [line.promise for line in verdict(doctored) if not line.is_kept]

    def test_facts_that_are_right_keep_every_promise(self):
        self.assertEqual(self.broken(lambda _: None), [])
        self.assertEqual(len(verdict(facts())), 13)

    def test_a_lost_mail_is_told(self):
        def lose(found):
            identifier = found["companies"][0]["sends"][0]["message_id"]
            found["record"] = [line for line in found["record"] if line["id"] != identifier]
        self.assertEqual(self.broken(lose), ["nothing marked accepted is missing"])

    def test_a_mail_that_was_kept_in_silence_does_not_count_as_taken(self):
        def silence(found):
            found["record"][0]["fate"] = "silent"
        self.assertEqual(self.broken(silence), ["nothing marked accepted is missing"])

    def test_a_double_is_told_under_hold(self):
        self.assertEqual(self.broken(lambda found: found["record"].append(found["record"][0])), ["no Message-ID twice under hold"])

    def test_a_double_of_what_was_ambiguous_is_told_under_hold_too(self):
        def double(found):
            held = next(send for send in found["companies"][0]["sends"] if send["state"] == "ambiguous")
            found["record"].append({"id": held["message_id"], "to": held["to"], "fate": "taken"})
        self.assertEqual(self.broken(double), ["no Message-ID twice under hold"])

    def test_a_double_of_what_was_ambiguous_is_right_under_resend_and_a_third_is_not(self):
        def double(found, copies):
            held = found["companies"][1]["sends"][6]
            found["record"] += [{"id": held["message_id"], "to": held["to"], "fate": "taken"}] * copies
        self.assertEqual(self.broken(lambda found: double(found, 1)), [])
        self.assertEqual(self.broken(lambda found: double(found, 2)), ["twice under resend only what was ambiguous"])

    def test_a_double_of_what_was_never_ambiguous_is_told_under_resend(self):
        def double(found):
            sent = found["companies"][1]["sends"][0]
            found["record"].append({"id": sent["message_id"], "to": sent["to"], "fate": "taken"})
        self.assertEqual(self.broken(double), ["twice under resend only what was ambiguous"])

    def test_a_mail_of_nobody_and_one_that_is_marked_as_refused_are_told(self):
        unmarked = ["nothing in the mail server is unmarked"]
        self.assertEqual(self.broken(lambda found: found["record"].append({"id": "f" * 32, "to": "a@x.example", "fate": "taken"})), unmarked)
        self.assertEqual(self.broken(lambda found: found["record"].append({"id": None, "to": "a@x.example", "fate": "taken"})), unmarked)

        def keep(found):
            refused = next(line for line in found["record"] if line["fate"] == "refused")
            refused["fate"] = "silent"
        self.assertEqual(self.broken(keep), unmarked)

    def test_a_send_without_an_end_is_told(self):
        def leave(found):
            found["companies"][0]["sends"][7]["state"] = "deferred"
        self.assertIn("every send is accepted, refused, suppressed or ambiguous", self.broken(leave))

    def test_a_send_that_is_held_although_it_shall_be_sent_again_is_told(self):
        def hold(found):
            found["companies"][1]["sends"][6]["state"] = "ambiguous"
        self.assertIn("every send is accepted, refused, suppressed or ambiguous", self.broken(hold))

    def test_a_lead_that_was_never_planned_is_told(self):
        def forget(found):
            del found["companies"][0]["sends"][5]
        self.assertIn("every lead is enrolled and planned once", self.broken(forget))

    def test_a_listed_person_who_got_a_mail_is_told(self):
        def write(found):
            found["record"][0]["to"] = "listed@x.example"
        self.assertEqual(self.broken(write), ["nobody on a suppression list was written to"])

    def test_each_wrong_counter_is_told(self):
        for name in facts()["companies"][0]["counters"]:
            def change(found, name=name):
                counters = found["companies"][1]["counters"]
                counters[name] = "active" if name == "status" else counters[name] + 1
            with self.subTest(name):
                self.assertEqual(self.broken(change), ["counters sum: campaigns, enrolments, ledger"])

    def test_mails_of_which_campaigns_thinks_otherwise_are_told(self):
        def differ(found):
            found["companies"][0]["campaign_states"] = {"accepted": 6, "refused": 1, "suppressed": 1}
        self.assertEqual(self.broken(differ), ["counters sum: campaigns, enrolments, ledger"])

    def test_a_counter_of_a_queue_that_drifted_is_told(self):
        for name in ("active", "waiting", "failed"):
            def drift(found, name=name):
                found["queues"][0][name] += 1
            with self.subTest(name):
                self.assertEqual(self.broken(drift), ["counters of queues are those of their rows"])

    def test_each_wrong_quota_is_told(self):
        for name in ("used", "reserved", "reservations_used", "reservations_open", "delivery_used"):
            def change(found, name=name):
                found["companies"][0]["quota"][name] += 1
            with self.subTest(name):
                self.assertEqual(self.broken(change), ["quotas are right"])

    def test_a_trail_that_lacks_repeats_or_makes_up_an_act_is_told(self):
        changes = (
            lambda acts: acts["told"].remove("t1"), lambda acts: acts["told"].append("t1"), lambda acts: acts["told"].append("t3"),
            lambda acts: acts["answered"].append("t4"))
        for number, change in enumerate(changes):
            with self.subTest(number):
                self.assertEqual(self.broken(lambda found: change(found["companies"][0]["acts"])), ["the audit trail is complete"])
        self.assertEqual(self.broken(lambda found: found["companies"][0]["actions"].pop("campaign.launch")), ["the audit trail is complete"])

    def test_a_trail_that_does_not_verify_is_told(self):
        bad = {"is_clean": False, "why": "tampered with"}
        self.assertEqual(self.broken(lambda found: found["companies"][0].update(trail=bad)), ["the audit trail verifies"])
        self.assertEqual(self.broken(lambda found: found.update(platform_trail=bad)), ["the audit trail verifies"])

    def test_an_event_that_was_not_heard_is_told(self):
        for name in ("outbox", "quarantined"):
            self.assertEqual(self.broken(lambda found: found[name].update(delivery=1)), ["every event was heard"])


if __name__ == "__main__":
    unittest.main()
