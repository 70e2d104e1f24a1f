"""Messages for the tests. Nobody in them exists."""

from email.message import EmailMessage

SENDER = "ward7@nhs.test.example"
RECIPIENT = "partner@partner.test.example"
TAG_LINE = "postern lab tag line"


def message(subject="Rota for next week", recipient=RECIPIENT, text="The rota is on the shared drive.\n", html=None):
    mail = EmailMessage()
    mail["From"] = f"Ward 7 <{SENDER}>"
    mail["To"] = recipient
    mail["Subject"] = subject
    mail["Date"] = "Mon, 05 Jan 2026 09:00:00 +0000"
    mail["Message-ID"] = f"<{abs(hash((subject, recipient, text)))}@nhs.test.example>"
    mail.set_content(text)
    if html:
        mail.add_alternative(html, subtype="html")
    return mail


def with_both_readings(subject, recipient=RECIPIENT):
    return message(subject, recipient, html="<html><body><p>The rota is on the shared drive.</p></body></html>\n")


def discharge_summary(recipient):
    """An invented patient with a number of the 999 test range."""
    return message(
        "Discharge summary", recipient,
        "Patient: Zelda Testperson\nNHS number: 999 000 0018\nDate of birth: 05/11/1948\n\n"
        "Discharged today after treatment for community-acquired pneumonia. "
        "Amoxicillin 500 mg three times a day for five days. Chest X-ray in six weeks.\n",
    )
