"""What is relayed: harmless mail as people send it, in three sizes, each with
a plain and an HTML reading, the largest with an attachment."""

import email.policy
import random
from email.message import EmailMessage

SENDER = "rota@nhs.test.example"
RECIPIENT = "partner@elsewhere.test.example"

SENTENCES = [
    "The rota for next week is on the shared drive and in the staff room.",
    "Please let the ward clerk know by Thursday if you cannot make your shift.",
    "The lift in the east wing will be out of service on Monday morning.",
    "Training on the new printers is open to everybody; no booking is needed.",
    "Car park C closes at six, so please move your car before handover.",
    "Thank you all for the kind words at the summer fair.",
    "Minutes of the last meeting are attached for those who could not come.",
    "The canteen has a new menu and would like to hear what you think of it.",
]

SIZES = {"4 KB": 4_000, "40 KB": 40_000, "1 MB": 1_000_000}


def mail(octets):
    """A message of about so many octets, lines ended by LF as smtp-source
    wants them."""
    chance = random.Random(octets)
    body = min(octets, 40_000)
    text, page = [], []
    # The HTML reading is somewhat longer than the plain one: share the octets.
    while sum(map(len, text)) < body * 0.49 - 350:
        paragraph = " ".join(chance.choice(SENTENCES) for _ in range(4))
        text.append(fold(paragraph) + "\n\n")
        page.append(f"<p>{fold(paragraph)}</p>\n")
    message = EmailMessage(policy=email.policy.SMTP.clone(linesep="\n"))
    message["From"] = f"Ward rota <{SENDER}>"
    message["To"] = f"Partner <{RECIPIENT}>"
    message["Subject"] = "Rota and notices for next week"
    message["Date"] = "Mon, 05 Jan 2026 09:00:00 +0000"
    message["Message-ID"] = f"<rota-{octets}@nhs.test.example>"
    message.set_content("".join(text))
    message.add_alternative(f"<html><body>\n{''.join(page)}</body></html>\n", subtype="html")
    if octets > 100_000:
        attachment = chance.randbytes(int((octets - body) * 3 / 4 * 76 / 77))
        message.add_attachment(attachment, maintype="application", subtype="octet-stream", filename="minutes.bin")
    return message.as_bytes()


def fold(paragraph):
    lines, line = [], ""
    for word in paragraph.split():
        if len(line) + len(word) > 74:
            lines.append(line)
            line = ""
        line = f"{line} {word}".strip()
    return "\n".join([*lines, line])
