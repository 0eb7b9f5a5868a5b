"""./penguin contract: asks the running stack what its description says and much that it does not, and looks at every answer.

Schemathesis makes the requests, as a person of a new company. What must not come is a 5xx, or an answer that the description does not name: it gets
the description without the answer `default`, which would allow everything.
"""

import copy
import json
import subprocess
import sys

from penguin import openapi
from penguin.api import Api, Refusal
from penguin.journey import Journey
from penguin.layout import Layout, read_json
from penguin.stack import RunningStack
from penguin.terminal import Failure, say

SCHEMATHESIS = "schemathesis==4.32.5"
CHECKS = ("not_a_server_error", "status_code_conformance", "content_type_conformance", "response_headers_conformance", "response_schema_conformance")
# Each of these ends or moves the session with which everything else is asked, or its company.
ENDING = (
    "signOut", "nileSignOut", "nileSignOutOfDatabase", "revokeSession", "revokeSessions", "switchTenant", "stepUp", "signIn", "nileSignIn",
    "nileSignInOfDatabase", "setPolicy", "deleteTenant", "transferOwnership", "removeMember", "changePassword", "confirmSecondFactor",
)

# Where no payments are set up, these say so with a 503, and rightly.
WITHOUT_STRIPE = """[[operations]]
include-tag = ["Billing", "Stripe Connect", "Stripe webhooks", "Platform: finance"]

[operations.checks.not_a_server_error]
expected-statuses = ["2xx", "3xx", "4xx", 503]
"""


def strict(document):
    """The description as it is checked: only answers that it names, besides what the gateway says of any request that makes no sense to it."""
    document = copy.deepcopy(document)
    for path, _, operation in openapi.operations(document):
        answers = operation["responses"]
        answers.pop("default", None)
        for status, name in {"405": "MethodNotAllowed", **({"400": "BadRequest", "404": "NotFound"} if "{" in path else {})}.items():
            answers.setdefault(status, {"$ref": f"#/components/responses/{name}"})
    return document


def streams(document):
    """Operations whose answer does not end by itself."""
    return [
        operation["operationId"] for _, _, operation in openapi.operations(document)
        if any("text/event-stream" in answer.get("content", {}) for answer in operation["responses"].values())
    ]


def command(program, schema, url, authority, cookies, token, options, left_out):
    """What is run. The headers are those of a browser, whose cookies no answer changes."""
    parts = [
        program, "run", str(schema), "--url", url, "--tls-verify", str(authority), "--checks", ",".join(CHECKS), "--phases",
        "examples,coverage,fuzzing" if options.coverage else "examples,fuzzing",
        "--max-examples", str(options.examples), "--max-time", str(options.seconds), "--request-timeout", "20", "--workers", "1", "--seed", str(options.seed),
        "--no-shrink", "--continue-on-failure", "--suppress-health-check", "all", "--warnings", "off", "-H", f"Cookie:{cookies}", "-H", f"X-CSRF-Token:{token}",
        "-H", f"Origin:{url}",
    ]
    for name in left_out:
        parts += ["--exclude-operation-id", name]
    for tag in options.tag or []:
        parts += ["--include-tag", tag]
    return parts


def run(options):
    layout = Layout()
    stack = RunningStack.find(layout)
    if not stack:
        raise Failure("The stack is not up. Start it with ./penguin up.")
    description = openapi.Description.load()
    folder = layout.folder / "contract"
    folder.mkdir(exist_ok=True)
    program = _installed(folder / "venv")
    schema = folder / "openapi.json"
    schema.write_text(json.dumps(strict(description.document)))
    facts = stack.facts
    api = Api(facts["url"], layout.authority)
    journey = Journey(api, layout.maildir, facts["ports"]["mail"], read_json(layout.secrets)["mail_demo"])
    journey.sign_up()
    journey.set_up()
    # Schemathesis reads this name where it is started.
    (folder / "schemathesis.toml").write_text("" if _has_stripe(api) else WITHOUT_STRIPE)
    cookies, token = api.credentials()
    say("  Asking …")
    asked = command(program, schema, facts["url"], layout.authority, cookies, token, options, [*ENDING, *streams(description.document)])
    status = subprocess.run(asked, cwd=folder).returncode
    # Whoever was signed out on the way asked nothing that means anything.
    api.get("/api/v1/auth/session")
    return status


def _has_stripe(api):
    try:
        api.post("/api/v1/billing/portal")
    except Refusal as refusal:
        return refusal.kind != "stripe_not_configured"
    return True


def _installed(folder):
    """The program, in an environment of its own."""
    program = folder / "bin" / "schemathesis"
    if not program.exists():
        say(f"  Installing {SCHEMATHESIS} …")
        for step in ([sys.executable, "-m", "venv", str(folder)], [str(folder / "bin" / "pip"), "install", "--quiet", "--disable-pip-version-check", SCHEMATHESIS]):
            if subprocess.run(step).returncode != 0:
                raise Failure(f"{' '.join(step)} failed.")
    return str(program)
