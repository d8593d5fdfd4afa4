"""Sends by Python's smtplib, the way its documentation does, and prints what came of it as JSON.

usage: smtplib_client.py SCENARIO PORT
"""

import json
import smtplib
import ssl
import sys
from email.message import EmailMessage

USER = "demo@example.com"


def connect(port):
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    client = smtplib.SMTP("127.0.0.1", port, timeout=20)
    client.starttls(context=context)
    return client


def logged_in(port):
    client = connect(port)
    client.login(USER, "demo")
    return client


def mail(subject="Hello", to="to@example.com"):
    message = EmailMessage()
    message["From"] = f"Zoë Demo <{USER}>"
    message["To"] = to
    message["Subject"] = subject
    message.set_content("It works. Grüße!\n")
    return message


def refusal(error):
    return {"error": type(error).__name__, "code": error.smtp_code, "text": error.smtp_error.decode()}


def plain(port):
    with logged_in(port) as client:
        return {"refused": client.send_message(mail("Grüße"))}


def alternative(port):
    message = mail()
    message.add_alternative("<p>It works. <b>Grüße!</b></p>\n", subtype="html")
    with logged_in(port) as client:
        return {"refused": client.send_message(message)}


def attachment(port):
    message = mail()
    message.add_attachment(bytes(range(256)), maintype="application", subtype="pdf", filename="Übersicht 2026.pdf")
    with logged_in(port) as client:
        return {"refused": client.send_message(message)}


def recipients(port):
    message = mail(to="one@example.com")
    message["Cc"] = "two@example.com"
    message["Bcc"] = "hidden@example.com"
    with logged_in(port) as client:
        return {"refused": client.send_message(message)}


def wrong_password(port):
    client = connect(port)
    try:
        client.login(USER, "wrong")
    except smtplib.SMTPAuthenticationError as error:
        return refusal(error)


def reuse(port):
    with logged_in(port) as client:
        for number in range(5):
            client.send_message(mail(f"Mail {number}"))
    return {"sent": 5}


def oversize_declared(port):
    """smtplib tells the size at MAIL when the server offers SIZE."""
    large = mail()
    large.set_content("x" * 70 + "\n" + ("y" * 70 + "\n") * 1500)
    with logged_in(port) as client:
        try:
            client.send_message(large)
        except smtplib.SMTPResponseException as error:
            answer = refusal(error)
        client.send_message(mail("After the large one"))
    return answer


def oversize_undeclared(port):
    with logged_in(port) as client:
        client.ehlo_or_helo_if_needed()
        client.mail(USER)
        client.rcpt("to@example.com")
        code, text = client.data("Subject: large\r\n\r\n" + ("y" * 70 + "\r\n") * 1500)
        client.send_message(mail("After the large one"))
    return {"code": code, "text": text.decode()}


print(json.dumps(globals()[sys.argv[1]](int(sys.argv[2]))))
