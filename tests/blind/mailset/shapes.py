"""How people write the same number or date."""

NUMBER_STYLES = {
    "spaces": 44,
    "solid": 30,
    "dashes": 8,
    "nbsp": 4,
    "thin": 2,
    "dots": 1,
    "grouped_343": 2,
    "pairs": 1,
    "double_space": 2,
    "figure_dash": 1,
    "soft_hyphen": 1,
    "zero_width": 2,
    "full_width": 1,
    "mixed": 1,
}
_SEPARATORS = {
    "spaces": " ",
    "dashes": "-",
    "nbsp": "\u00a0",
    "thin": "\u2009",
    "dots": ".",
    "double_space": "  ",
    "figure_dash": "\u2012",
    "soft_hyphen": "\u00ad",
    "zero_width": "\u200b",
}
DATE_STYLES = ["%d/%m/%Y"] * 9 + [
    "%d-%m-%Y",
    "%d.%m.%Y",
    "%d/%m/%y",
    "%d.%m.%y",
    "%d %b %Y",
    "%d-%b-%Y",
    "%d %B %Y",
    "%Y-%m-%d",
    "ordinal",
    "short",
    "%d %m %Y",
    "%d%b%Y",
    "%d-%b-%y",
]


def number(digits, style):
    if style == "solid":
        return digits
    if style == "grouped_343":
        return f"{digits[:3]} {digits[3:7]} {digits[7:]}"
    if style == "pairs":
        return " ".join(digits[i : i + 2] for i in range(0, 10, 2))
    if style == "full_width":
        return "".join(chr(0xFF10 + int(d)) for d in digits)
    if style == "mixed":
        return f"{digits[:3]}-{digits[3:6]} {digits[6:]}"
    separator = _SEPARATORS[style]
    return separator.join((digits[:3], digits[3:6], digits[6:]))


def number_style(random):
    return random.choices(list(NUMBER_STYLES), list(NUMBER_STYLES.values()))[0]


def date(day, style):
    if style == "short":
        return f"{day.day}/{day.month}/{day.year}"
    if style == "ordinal":
        suffix = "th" if 10 < day.day < 20 else {1: "st", 2: "nd", 3: "rd"}.get(day.day % 10, "th")
        return f"{day.day}{suffix} {day:%B %Y}"
    return day.strftime(style)


def date_style(random):
    return random.choice(DATE_STYLES)
