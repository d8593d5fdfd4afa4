"""Mails as ../ClientTask.ts describes them, built by Python's email package."""

from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import make_msgid, formatdate


def address(described):
    user, _, domain = described["address"].rpartition("@")
    return Address(described["name"], user, domain)


def message(mail):
    built = EmailMessage()
    built["From"] = address(mail["from"])
    for header, field in (("To", "to"), ("Cc", "cc"), ("Bcc", "bcc")):
        if mail[field]:
            built[header] = [address(each) for each in mail[field]]
    if mail["replyTo"] is not None:
        built["Reply-To"] = address(mail["replyTo"])
    built["Subject"] = mail["subject"]
    built["Date"] = formatdate()
    built["Message-ID"] = make_msgid(domain="client.example.com")
    for header in mail["headers"]:
        built[header["name"]] = header["value"]
    built.set_content(mail["text"])
    if mail["html"] is not None:
        built.add_alternative(mail["html"], subtype="html")
    for attachment in mail["attachments"]:
        with open(attachment["path"], "rb") as file:
            content = file.read()
        maintype, subtype = attachment["type"].split("/")
        described = {"maintype": maintype, "subtype": subtype, "filename": attachment["name"]}
        if attachment["contentId"] is None:
            built.add_attachment(content, **described)
        else:
            html = built.get_body(("html",))
            html.add_related(content, cid=f"<{attachment['contentId']}>", disposition="inline", **described)
    return built
