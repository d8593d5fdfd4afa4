"""Sends what stdin describes by smtplib, and prints what came of each mail; ../ClientTask.ts says in what form."""

import json
import smtplib
import ssl
import sys

from described import message

task = json.load(sys.stdin)


def connect():
    client = smtplib.SMTP(task["host"], task["port"], timeout=30)
    client.starttls(context=ssl.create_default_context(cafile=task["ca"]))
    client.ehlo()
    if task["mechanism"] is None:
        client.login(task["username"], task["password"])
    else:
        client.user, client.password = task["username"], task["password"]
        client.auth(task["mechanism"], getattr(client, f"auth_{task['mechanism'].lower()}"))
    return client


def outcome(error):
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        code, text = next(iter(error.recipients.values()))
        return {"code": code, "text": text.decode()}
    if isinstance(error, smtplib.SMTPResponseException):
        return {"code": error.smtp_code, "text": error.smtp_error.decode()}
    return {"code": 0, "text": str(error)}


def send(client, mail):
    try:
        client.send_message(message(mail))
        return {"code": 250, "text": None}
    except smtplib.SMTPException as error:
        return outcome(error)


try:
    with connect() as client:
        outcomes = [send(client, mail) for mail in task["mails"]]
except (smtplib.SMTPException, OSError) as error:
    outcomes = [outcome(error) for _ in task["mails"]]
print(json.dumps(outcomes))
