"""Sends what stdin describes by aiosmtplib, and prints what came of each mail; ../ClientTask.ts says in what form."""

import asyncio
import json
import sys

import aiosmtplib

from described import message

task = json.load(sys.stdin)


def outcome(error):
    if isinstance(error, aiosmtplib.SMTPRecipientsRefused):
        error = error.recipients[0]
    if isinstance(error, aiosmtplib.SMTPResponseException):
        return {"code": error.code, "text": error.message}
    return {"code": 0, "text": str(error)}


async def send(client, mail):
    try:
        _, text = await client.send_message(message(mail))
        return {"code": 250, "text": text}
    except aiosmtplib.SMTPException as error:
        return outcome(error)


async def main():
    login = {} if task["mechanism"] else {"username": task["username"], "password": task["password"]}
    client = aiosmtplib.SMTP(
        hostname=task["host"], port=task["port"], start_tls=True, cert_bundle=task["ca"], timeout=30, **login
    )
    try:
        async with client:
            if task["mechanism"]:
                authenticate = getattr(client, f"auth_{task['mechanism'].lower()}")
                await client.ehlo()
                await authenticate(task["username"], task["password"])
            return [await send(client, mail) for mail in task["mails"]]
    except (aiosmtplib.SMTPException, OSError) as error:
        return [outcome(error) for _ in task["mails"]]


print(json.dumps(asyncio.run(main())))
