import os
import smtplib
import ssl
from email.message import EmailMessage
from email.utils import formatdate, make_msgid

mail = EmailMessage()
mail["From"] = "You <you@example.com>"
mail["To"] = "customer@example.com"
mail["Subject"] = "Your receipt"
mail["Date"] = formatdate()
mail["Message-ID"] = make_msgid(domain="example.com")
mail.set_content("Thank you.")
mail.add_alternative("<p>Thank you.</p>", subtype="html")

with smtplib.SMTP("smtp.example.com", 587, timeout=60) as smtp:
    smtp.starttls(context=ssl.create_default_context())
    smtp.login("you@example.com", os.environ["SMTP_PASSWORD"])
    smtp.send_message(mail)
