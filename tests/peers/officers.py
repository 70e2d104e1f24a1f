"""Held mail for the tests of the console: a gateway with two organisations,
and letters as one night brings them. Nobody in them exists."""

import re

import clients
from authority import Authority
from console import Console
from far_end import FarEnd
from gateway import Gateway, route
from messages import message
from processes import free_port, wait_until

ORGANISATION = """\
ods            = "{code}"
name           = {name}
sender_domains = ["{domain}"]
"""
ALPHA, BRAVO = "alpha.nhs.test.example", "bravo.nhs.test.example"
CODES = {ALPHA: "AA111", BRAVO: "BB222"}
# The lab's policies hold what goes there and relay the rest.
HELD = "held.test.example"
PARTNER = "mx.held.test.example"
DATE = "Mon, 05 Jan 2026 09:00:00 +0000"


def nhs_number(serial):
    """Of the range that is nobody's, with its check digit."""
    while True:
        nine = f"999{serial:06}"
        check = 11 - sum(int(digit) * weight for digit, weight in zip(nine, range(10, 1, -1))) % 11
        if check != 10:
            return f"{nine[:3]} {nine[3:6]} {nine[6:]}{check % 11}"
        serial += 1


class House:
    """A gateway whose numbers of nobody count, with its console; `names` of its
    two organisations are as written in TOML. `far_end` gets the notices,
    `partner`, whose TLS can be verified, what is released."""

    def __init__(self, home, far_end, names=('"Alpha Hospital"', '"Bravo Community Trust"'), more="",
                 settings='second_factor = "optional"'):
        self.console = Console(home / "console", settings)
        # Of the link that senders are told the path alone is followed.
        more += '\n[quarantine]\nrequests = "https://console.test.example"\n'
        authority, partner = Authority(), free_port()
        self.partner = FarEnd(partner, authority.issue(home, PARTNER))
        verified = route(HELD, partner, tls_name=PARTNER, trust_anchors=authority.write(home / "partner.pem"))
        self.gateway = Gateway(
            home / "gateway", [verified, route("*", far_end.port)], more=self.console.settings + more)
        self.far_end = far_end
        policies = self.gateway.policies
        for (domain, code), name in zip(CODES.items(), names):
            text = ORGANISATION.format(code=code, domain=domain, name=name)
            (policies / "organisations" / f"{code}.toml").write_text(text)
        classification = policies / "classification.toml"
        text = classification.read_text()
        assert 'test_range = "ignore"' in text
        classification.write_text(text.replace('test_range = "ignore"', 'test_range = "count"'))

    def __enter__(self):
        self.partner.start()
        self.gateway.start()
        return self

    def __exit__(self, *_):
        self.gateway.stop()
        self.partner.stop()

    def held(self, mail, recipient=f"records@{HELD}", sender=f"ward7@{ALPHA}"):
        """The queue id of a message that is held then."""
        with clients.connect(self.gateway) as client:
            reply, text = clients.submit(client, mail, [recipient], sender=sender)
        assert reply == 250, text
        return self.last()

    def held_octets(self, octets, recipient=f"records@{HELD}", sender=f"ward7@{ALPHA}"):
        with clients.connect(self.gateway) as client:
            reply, text = clients.submit_octets(client, octets, [recipient], sender)
        assert reply == 250, text
        return self.last()

    def entries(self):
        return self.gateway.queue("list", "held")["messages"]

    def last(self):
        # In small letters and digits alone, in the order of their coming.
        return max(entry["id"] for entry in self.entries())

    def link(self, name):
        """The path of the link in the notice to a message's sender."""
        def told():
            notices = [mail.reading("plain") for mail in self.far_end.received if name in mail.content.decode()]
            return re.findall(r"/request/[\w.-]+", " ".join(notices))

        return wait_until("its sender is told", told)[0]

    def deeds(self, *kinds):
        return [line for line in self.gateway.audited("deed") if line["kind"] in kinds]


# Subject, sender, recipient, and what it says; {number} is a patient's.
NIGHT = [
    ("Discharge summary, Ward 7", "ward7", "surgery", "Patient: Zelda Testperson\nNHS number: {number}\n"
     "Date of birth: 05/11/1948\n\nDischarged today after treatment for community-acquired pneumonia. Amoxicillin "
     "500 mg three times a day for five days. Chest X-ray in six weeks."),
    ("HIV clinic: results for onward referral", "gum", "hospice", "NHS number: {number}\nDate of birth: 02/03/1981\n\n"
     "Thank you for seeing this patient of the sexual health clinic. HIV viral load undetectable; antiretroviral "
     "therapy is unchanged."),
    ("Re: transport home tomorrow", "transport", "ambulance", "Patient: Alfred Mockingham, NHS number {number}.\n"
     "He needs a stretcher and oxygen for his COPD. Collect from Ward 3 at 10:30."),
    ("URGENT potassium 6.8", "pathology", "surgery", "NHS number: {number}\nPotassium 6.8 mmol/L, creatinine 310. "
     "Known chronic kidney disease. Telephoned to the duty doctor."),
    ("Termination of pregnancy, follow-up", "gynae", "surgery", "NHS number: {number}\nDate of birth: 12/12/1996\n\n"
     "Medical termination of pregnancy at 8 weeks, uncomplicated. Contraception discussed."),
    ("Physiotherapy after hip replacement", "physio", "leisure", "Patient: Beryl Inventory\nNHS number: {number}\n"
     "Total hip replacement on the left. Please continue the exercises that are enclosed."),
    ("Safeguarding strategy meeting, minutes in confidence", "safeguarding", "council", "Child: Tom Fictional, "
     "NHS number {number}.\nChild protection plan, category neglect. Next core group in ten days."),
    ("Your letter of the 3rd", "secretary7", "solicitor", "NHS number: {number}\nDear Ms Example, the patient was seen "
     "for whiplash injury and depression. Sertraline 50 mg."),
    ("Echo report", "cardiology", "surgery", "NHS number: {number}\nEjection fraction 35 per cent, moderate mitral "
     "regurgitation, heart failure. Please start bisoprolol."),
    ("Methadone script", "drugs.team", "pharmacy", "NHS number: {number}\nDate of birth: 30/06/1979\nOpioid "
     "dependence; methadone 40 ml daily, supervised consumption."),
    ("Staff list for the charity run", "hr", "charity", "OFFICIAL-SENSITIVE. Entrants of our department, by team."),
    ("Dressing order, district nurses", "district.nurses", "supplier", "Patient NHS number {number}: venous leg ulcer, "
     "four-layer bandage weekly."),
    ("Diabetic eye screening recall – 中文 – ¿qué tal?", "screening", "optician", "NHS number: {number}\nBackground "
     "retinopathy in type 2 diabetes mellitus. Recall in twelve months."),
    ("Cancer MDT outcome and the plan for chemotherapy, with a subject that goes on for longer than anybody would "
     "ever want to read on a telephone at two in the morning", "mdt", "a.very.long.mailbox.name.of.a.community.team",
     "NHS number: {number}\nAdenocarcinoma of the colon, T3N1. FOLFOX to start next week."),
    ("", "scanner3", "surgery", "NHS number: {number}\nAsthma review. Salbutamol inhaler as needed."),
]


def night(house, messages=30):
    """Fills the quarantine as a bad night does: the last id is the newest."""
    with clients.connect(house.gateway) as client:
        for number in range(messages):
            subject, sender, recipient, text = NIGHT[number % len(NIGHT)]
            if number >= len(NIGHT):
                subject = f"Re: {subject}" if subject else "Scan 0047"
            to = f"{recipient}@{HELD}"
            mail = message(subject, to, text.format(number=nhs_number(number * 7 + 1)) + "\n")
            domain = (ALPHA, BRAVO)[number % 3 == 1]
            reply, said = clients.submit(client, mail, [to], sender=f"{sender}@{domain}")
            assert reply == 250, said
    wait_until("they are held", lambda: len(house.entries()) == messages)
    return house.last()
