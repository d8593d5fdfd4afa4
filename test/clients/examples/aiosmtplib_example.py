import asyncio
import os
from email.message import EmailMessage
from email.utils import formatdate, make_msgid

import aiosmtplib

mail = EmailMessage()
mail["From"] = "You <you@example.com>"
mail["To"] = "customer@example.com"
mail["Subject"] = "Your receipt"
mail["Date"] = formatdate()
mail["Message-ID"] = make_msgid(domain="example.com")
mail.set_content("Thank you.")
mail.add_alternative("<p>Thank you.</p>", subtype="html")

asyncio.run(
    aiosmtplib.send(
        mail,
        hostname="smtp.example.com",
        port=587,
        start_tls=True,
        username="you@example.com",
        password=os.environ["SMTP_PASSWORD"],
    )
)
