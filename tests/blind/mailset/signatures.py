"""What stands below: names of staff, disclaimers, banners. Of no patient."""

from . import numbers, people
from .words import names

DISCLAIMERS = [
    "This message may contain confidential patient information. If you are not the intended recipient please delete it and tell the sender.",
    "Information in this email may be subject to public disclosure under the Freedom of Information Act 2000.",
    "Mae croeso i chi gysylltu â ni yn Gymraeg. / You are welcome to contact us in Welsh.",
    "Please do not send patient identifiable data such as NHS number or date of birth to this address.",
    "***** Delivered by secure mail. Do not use for urgent clinical advice: ring 111, or 999 for chest pain. *****",
    "Before printing think of the environment. Registered charity 1012345.",
    "We are a teaching hospital and a centre for cancer, stroke and HIV.",
]


def signature(random):
    """Often none."""
    lines = []
    if random.random() < 0.55:
        who = people.staff(random)
        lines += [
            random.choice(["Kind regards", "Many thanks", "Regards", "Ta", "BW", "Cofion"]),
            f"{who.first} {who.last}",
            who.role,
        ]
        if random.random() < 0.7:
            lines += [random.choice(names.TRUSTS + names.SURGERIES), f"Tel {who.phone} ext {numbers.digits(random, 4)}"]
        if random.random() < 0.15 and who.title == "Dr":
            lines.append(f"GMC {numbers.digits(random, 7)}")
    if random.random() < 0.25:
        lines += ["", random.choice(DISCLAIMERS)]
    return "\n".join(lines)
