"""Numbers of people and of things, made at run time so that no real one can
stand in the repository."""

import datetime as dt
import string

# Inward and outward letters of postcodes (BS 7666): no C, I, K, M, O or V
# after the space.
INWARD = "ABDEFGHJLNPQRSTUWXYZ"
AREAS = (
    "B BA BB BD BH BL BN BS CA CB CF CH CM CO CV DA DE DH DN DT DY E EX FY GL GU HD HG HP HR HU HX "
    "IP KT L LA LD LE LL LN LS LU M ME MK N NE NG NN NP NR NW OL OX PE PL PO PR RG RH S SA SE SG SK "
    "SL SM SN SO SP SR SS ST SW SY TA TF TN TQ TR TS TW W WA WD WF WN WR WS WV YO"
).split()
SCOTTISH_AREAS = "AB DD DG EH FK G IV KA KY ML PA PH TD".split()


def check_digit(nine):
    """The tenth digit of an NHS, CHI or H&C number; None where there is none."""
    rest = 11 - sum(int(digit) * weight for digit, weight in zip(nine, range(10, 1, -1))) % 11
    return {11: "0", 10: None}.get(rest, str(rest))


def _ten(random, low, high):
    while True:
        nine = str(random.randrange(low, high))
        check = check_digit(nine)
        if check is not None and len(set(nine)) > 2:
            return nine + check


def nhs_number(random):
    if random.random() < 0.45:
        return _ten(random, 400_000_000, 500_000_000)
    return _ten(random, 600_000_000, 800_000_000)


def hc_number(random):
    return _ten(random, 320_000_001, 399_999_999)


def test_number(random):
    """Of the range that is issued to nobody."""
    return _ten(random, 999_000_000, 1_000_000_000)


def chi_number(random, born, female):
    """Date of birth, two digits, one for the sex, check."""
    while True:
        nine = born.strftime("%d%m%y") + f"{random.randrange(10, 99)}{2 * random.randrange(5) + (not female)}"
        check = check_digit(nine)
        if check is not None:
            return nine + check


def faulty_number(random):
    """Ten digits in the range that fail the check."""
    number = nhs_number(random)
    return number[:9] + str((int(number[9]) + random.randrange(1, 9)) % 10)


def nino(random):
    first = random.choice("ABCEGHJKLMPRSTWXYZ")
    second = random.choice("ABCEGHJKLMNPRSTWXYZ")
    if first + second in ("GB", "NK", "TN", "ZZ", "BG", "KN", "NT"):
        return nino(random)
    return f"{first}{second}{random.randrange(10**6):06}{random.choice('ABCD')}"


def postcode(random, scottish=False):
    area = random.choice(SCOTTISH_AREAS if scottish else AREAS)
    return f"{area}{random.randrange(1, 30)} {random.randrange(1, 10)}{random.choice(INWARD)}{random.choice(INWARD)}"


def mobile(random):
    """Of the range kept for drama."""
    return f"07700 900{random.randrange(1000):03}"


def landline(random):
    return (
        random.choice(
            [
                "0113 496 0",
                "0114 496 0",
                "0115 496 0",
                "0116 496 0",
                "0117 496 0",
                "0118 496 0",
                "0121 496 0",
                "0131 496 0",
                "0141 496 0",
                "0151 496 0",
                "0161 496 0",
                "020 7946 0",
                "01632 960",
            ]
        )
        + f"{random.randrange(1000):03}"
    )


def hospital_number(random):
    shape = random.choice(["K######", "R#######", "MRN######", "######", "#######", "RX1-######", "H0#####", "######X"])
    return "".join(random.choice(string.digits) if c == "#" else c for c in shape)


def digits(random, count):
    return str(random.randrange(1, 10)) + "".join(random.choice(string.digits) for _ in range(count - 1))


def isbn13(random):
    twelve = "978" + digits(random, 9)
    total = sum(int(d) * (3 if i % 2 else 1) for i, d in enumerate(twelve))
    return twelve + str(-total % 10)


def isbn10(random):
    """Ten digits with a check by eleven too: its ninth digits' weights are
    those of an NHS number, so that a tenth of them pass as one."""
    while True:
        nine = "0" + digits(random, 8) if random.random() < 0.5 else random.choice("14678") + digits(random, 8)
        check = check_digit(nine)
        if check is not None:
            return nine + check


def ean13(random):
    twelve = "50" + digits(random, 10)
    total = sum(int(d) * (3 if i % 2 else 1) for i, d in enumerate(twelve))
    return twelve + str(-total % 10)


def birthday(random, youngest=0, oldest=97):
    today = dt.date(2026, 10, 1)
    return today - dt.timedelta(days=random.randrange(youngest * 365 + 30, oldest * 365 + 30))
