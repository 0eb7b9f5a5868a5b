"""What is documented, alarmed and drawn is what is counted; and the rules fire when they should, by Prometheus' own tool."""

import json
import re
import shutil
import subprocess
import tempfile
import unittest
from pathlib import Path

from penguin import observability

SERVICES = {"auth": {"requests_total": ("counter", ("route",))}, "audit": {"requests_total": ("counter", ("route",)), "lag_seconds": ("gauge", ())}}
PAGE = {"requests_total": ("counter", ("route",), ("all",), ()), "lag_seconds": ("gauge", (), ("audit",), ("Late",))}


class NameTests(unittest.TestCase):
    def test_names_are_found_in_expressions(self):
        expression = (
            'histogram_quantile(0.95, sum by (job, le) (rate(a_seconds_bucket{job=~"x_total",route!="y"}[5m]))) > 2\n'
            'and sum(increase(b_total[1h])) > 0 unless on (queue) max by (queue) (c_paused) == 1 or time() - d_timestamp_seconds < 3 * 86400')
        self.assertEqual(observability.names(expression), {"a_seconds", "b_total", "c_paused", "d_timestamp_seconds"})

    def test_alerts_and_their_expressions_are_found(self):
        text = (
            "groups:\n  - name: a\n    rules:\n      - alert: One\n        expr: a_total > 1\n        for: 5m\n      - alert: Two\n        expr: |\n"
            "          b_total\n            / c_total > 1\n        annotations:\n          summary: \"x_total\"\n")
        self.assertEqual(observability.alerts(text), {"One": {"a_total"}, "Two": {"b_total", "c_total"}})


class FaultTests(unittest.TestCase):
    def test_the_same_is_no_fault(self):
        self.assertEqual(observability.table_faults(SERVICES, PAGE), [])
        self.assertEqual(observability.use_faults(PAGE, {"Late": {"lag_seconds"}}, {"Lag": {"lag_seconds"}}), [])

    def test_what_differs_is_seen(self):
        def table(**changes):
            return observability.table_faults(SERVICES, {name: row for name, row in {**PAGE, **changes}.items() if row})

        self.assertIn("is not in docs", table(lag_seconds=None)[0])
        self.assertIn("says of lag_seconds", table(lag_seconds=("counter", (), ("audit",), ()))[0])
        self.assertIn("says of requests_total", table(requests_total=("counter", (), ("all",), ()))[0])
        self.assertIn("says of lag_seconds", table(lag_seconds=("gauge", (), ("all",), ()))[0])
        self.assertIn("which nobody counts", table(gone_total=("counter", (), ("all",), ()))[0])
        other = {"auth": {"requests_total": ("counter", ())}, "audit": SERVICES["audit"]}
        self.assertIn("not the same", observability.table_faults(other, PAGE)[0])
        self.assertIn("the alert Late uses gone", observability.use_faults(PAGE, {"Late": {"lag_seconds", "gone"}}, {})[0])
        self.assertIn("the panel 'Lag' shows gone", observability.use_faults(PAGE, {"Late": {"lag_seconds"}}, {"Lag": {"gone"}})[0])
        self.assertIn("names ('Late',)", observability.use_faults(PAGE, {}, {})[0])


class FileTests(unittest.TestCase):
    """The files themselves, as far as they can be told without the services; ./penguin test asks those too."""

    def test_rules_and_dashboard_use_what_the_table_has(self):
        page = observability.documented(observability.PAGE.read_text())
        self.assertGreater(len(page), 60)
        rules = observability.alerts(observability.ALERTS.read_text())
        self.assertGreater(len(rules), 20)
        self.assertEqual(observability.use_faults(page, rules, observability.drawn(json.loads(observability.DASHBOARD.read_text()))), [])

    def test_every_metric_is_drawn_or_alarmed(self):
        page = observability.documented(observability.PAGE.read_text())
        shown = set().union(*observability.drawn(json.loads(observability.DASHBOARD.read_text())).values())
        alarmed = set().union(*observability.alerts(observability.ALERTS.read_text()).values())
        # What only explains another one, and what is looked at by hand.
        by_hand = {
            "delivery_tracking_dropped_total", "delivery_tls_sessions_uncounted_total", "process_max_fds", "process_threads", "service_info",
            "stripe_call_seconds", "stripe_retries_total", "stripe_webhooks_odd_total", "webhook_attempts_total",
        }
        self.assertEqual(set(page) - shown - alarmed, by_hand)

    def test_every_alert_says_what_to_do_and_is_tried(self):
        text = observability.ALERTS.read_text()
        tried = (observability.FOLDER / "alerts.test.yml").read_text()
        for part in re.split(r"^ +- alert: ", text, flags=re.MULTILINE)[1:]:
            name = part.split("\n", 1)[0].strip()
            with self.subTest(name):
                for member in ("severity:", "summary:", "action:"):
                    self.assertIn(member, part)
                self.assertIn(f"alertname: {name}\n", tried)

    def test_panels_ask_what_prometheus_understands(self):
        dashboard = json.loads(observability.DASHBOARD.read_text())
        expressions = [target["expr"] for panel in dashboard["panels"] if panel["type"] != "row" for target in panel["targets"]]
        self.assertGreater(len(expressions), 60)
        rules = [{"record": f"panel_{number}", "expr": expression.replace("$job", ".*")} for number, expression in enumerate(expressions)]
        with tempfile.TemporaryDirectory() as folder:
            # JSON is YAML.
            file = Path(folder) / "rules.yml"
            file.write_text(json.dumps({"groups": [{"name": "panels", "rules": rules}]}))
            result = subprocess.run(["promtool", "check", "rules", str(file)], capture_output=True, text=True, timeout=60)
        self.assertEqual(result.returncode, 0, result.stdout + result.stderr)

    def test_rules_fire_when_they_should(self):
        tool = shutil.which("promtool")
        self.assertIsNotNone(tool, "install Debian's package prometheus")
        for command in (
            ["check", "rules", "alerts.yml"], ["test", "rules", "alerts.test.yml"], ["check", "config", "--syntax-only", "prometheus.yml"],
        ):
            result = subprocess.run([tool, *command], cwd=observability.FOLDER, capture_output=True, text=True, timeout=120)
            self.assertEqual(result.returncode, 0, result.stdout + result.stderr)


if __name__ == "__main__":
    unittest.main()
