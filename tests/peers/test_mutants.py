"""Whatever `check` accepts, `run` starts with: the shipped policies, changed at
random as a hasty hand changes them, until some dozens have been accepted."""

import random
import shutil

import pytest

from gateway import ROOT, Gateway, postern, route
from processes import end

SEEDS = range(24)
CHANGED = ["rules.toml", "domains.toml", "policy.toml", "classification.toml", "organisations/ZZ999.toml",
           "disclaimers/nhs.txt", "disclaimers/nhs.html"]


def mutate(text, chance):
    """Lines left out, doubled, changing places or values; a word changed."""
    lines = text.splitlines(keepends=True)
    one, other = chance.randrange(len(lines)), chance.randrange(len(lines))
    match chance.randrange(5):
        case 0:
            del lines[one]
        case 1:
            lines.insert(one, lines[one])
        case 2:
            lines[one], lines[other] = lines[other], lines[one]
        case 3:
            written = [at for at, line in enumerate(lines) if " = " in line]
            if written:
                one, other = chance.choice(written), chance.choice(written)
                (key, _, value), (other_key, _, other_value) = lines[one].partition(" = "), lines[other].partition(" = ")
                lines[one], lines[other] = f"{key} = {other_value}", f"{other_key} = {value}"
        case 4:
            words = [word for word in lines[one].split() if word.isalnum()]
            if words:
                lines[one] = lines[one].replace(chance.choice(words), chance.choice(["x", "0", "true", "hold", "é"]), 1)
    return "".join(lines)


@pytest.mark.parametrize("seed", SEEDS)
def test_what_check_accepts_the_gateway_starts_with(seed, home):
    chance = random.Random(seed)
    policies = home / "policies"
    for _ in range(60):
        shutil.rmtree(policies, ignore_errors=True)
        shutil.copytree(ROOT / "policies", policies)
        for _ in range(chance.randint(1, 3)):
            file = policies / chance.choice(CHANGED)
            file.write_text(mutate(file.read_text(), chance))
        checked = postern("check", "--policies", policies)
        # A panic leaves with 101.
        assert checked.returncode in (0, 1), checked.stderr
        if checked.returncode == 0:
            break
    else:
        pytest.fail("nothing was accepted")
    gateway = Gateway(home / "gateway", [route("*", 9)], policies=policies)
    assert postern("check", "--config", gateway.config).returncode == 0
    gateway.start()
    assert gateway.http("/readyz")[0] == 200, gateway.log()
    assert gateway.stop() == 0, gateway.log()
