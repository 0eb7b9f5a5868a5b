"""What the field does: a Celery task that sends one mail over a kept SMTP connection and writes one row about it."""

import os
import smtplib
from email.message import EmailMessage

import psycopg
from celery import Celery

app = Celery("celery_mail", broker=os.environ["PEER_REDIS"])
app.conf.update(task_acks_late=True, worker_prefetch_multiplier=4, task_ignore_result=True, broker_connection_retry_on_startup=True)

BODY = ("x" * 72 + "\n") * (int(os.environ.get("PEER_BODY", "4700")) // 73)
_kept = {}


def _connections():
    if not _kept:
        _kept["smtp"] = smtplib.SMTP("127.0.0.1", int(os.environ["PEER_SMTP"]))
        _kept["database"] = psycopg.connect(os.environ["PEER_POSTGRES"], autocommit=True)
    return _kept["smtp"], _kept["database"]


@app.task
def send(number):
    smtp, database = _connections()
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = "bench@example.com", f"lead{number}@example.org", "A question"
    message["Message-ID"] = f"<{number}@example.com>"
    message.set_content(BODY)
    smtp.send_message(message)
    database.execute("insert into peer_mails (number, state, sent_at) values (%s, 'accepted', clock_timestamp())", (number,))
