"""How well somebody types: as taught, in capitals, on a phone, in a hurry."""

import re

CHANCES = {"plain": 84, "upper": 4, "phone": 5, "misspelt": 7}
# Words that carry no finding.
MISSPELT = {
    "received": "recieved",
    "appointment": "apointment",
    "definitely": "definately",
    "patient": "pateint",
    "please": "pls",
    "because": "becuase",
    "tomorrow": "tommorow",
    "referred": "refered",
    "necessary": "neccessary",
    "the": "teh",
    "seen": "sen",
    "review": "reveiw",
    "thanks": "thnaks",
    "separate": "seperate",
    "address": "adress",
    "and": "adn",
    "with": "wiht",
    "clinic": "clinc",
    "surgery": "sugery",
    "discharge": "dishcarge",
    "attached": "atached",
    "history": "hisotry",
    "hospital": "hosptial",
    "yesterday": "yesturday",
    "admitted": "admited",
    "available": "availible",
}


def choose(random, wish):
    if wish == "any":
        return random.choices(list(CHANCES), list(CHANCES.values()))[0]
    return wish


def apply(random, text, style):
    if style == "upper":
        return text.upper()
    if style == "phone":
        return re.sub(r"[,.;](?=\s|$)", "", text).lower()
    if style == "misspelt":
        return re.sub(r"[A-Za-z]+", lambda word: _misspelt(random, word[0]), text)
    return text


def _misspelt(random, word):
    wrong = MISSPELT.get(word.lower())
    if wrong is None or random.random() < 0.4:
        return word
    return wrong.capitalize() if word[0].isupper() else wrong
