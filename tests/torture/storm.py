"""A gateway under load, killed at random moments and started again."""

import json
import random
import time
from collections import Counter, defaultdict

from far_end import FarEnd
from gateway import Gateway, postern, route
from messages import RECIPIENT, SENDER
from numbered import Load, number_and_try
from processes import wait_for_port, wait_until

# How fast the far end replies, in seconds: at times a queue builds up.
DELAYS = [0, 0, 0, 0.02, 0.2]


def recipients(number):
    """Most have one recipient; some two, at two domains; some are refused by
    the far end and come back as a DSN."""
    match number % 10:
        case 3:
            return [RECIPIENT, "second@another.test.example"]
        case 7:
            return [f"reject-{number}@partner.test.example"]
        case _:
            return [RECIPIENT]


class Result:
    """What came of it. The keys of `arrived` are number, try and recipient;
    what was returned to its sender counts as having reached who refused it."""

    def __init__(self, seed, sessions):
        self.seed, self.sessions = seed, sessions
        self.acknowledged, self.sent = set(), set()
        self.arrived = defaultdict(list)  # the moments of the final replies
        self.kills = []  # moments, of each kill and of when the far end had read what was left
        self.in_start = 0
        self.checks = 0
        self.unsound = []
        self.seconds = 0

    def take(self, load, far_end):
        self.acknowledged, self.sent = set(load.acknowledged), set(load.sent)
        for received in far_end.received:
            number, tried = number_and_try(received)
            for recipient in received.forward_paths:
                if recipient == SENDER:
                    recipient = recipients(int(number.removeprefix("number-")))[0]
                self.arrived[number, tried, recipient].append(received.at)

    def expected(self):
        return {(number, recipient) for number in self.acknowledged
                for recipient in recipients(int(number.removeprefix("number-")))}

    def missing(self):
        return self.expected() - {(number, recipient) for number, _, recipient in self.arrived}

    def delivered_again(self):
        """By the gateway: of each final reply that a kill kept from being
        recorded, which kill it was and how old the reply was then. The kill is
        None where there was none before the message came again."""
        found = []
        for moments in self.arrived.values():
            moments = sorted(moments)
            for earlier, later in zip(moments, moments[1:]):
                kill = next((kill for kill, over in self.kills if earlier <= over <= later), None)
                # What the far end took when its sender was dead had no reply.
                found.append((kill, kill and max(kill - earlier, 0)))
        return found

    def sent_again(self):
        """By its client, whose connection broke before the 250."""
        tries = Counter((number, recipient) for number, _, recipient in self.arrived)
        return sum(count - 1 for count in tries.values())

    def faults(self):
        faults = [f"{number} for {recipient} is missing" for number, recipient in sorted(self.missing())]
        unknown = {number for number, _, _ in self.arrived} - self.sent
        faults += [f"{number} was sent by nobody" for number in sorted(unknown)]
        at_kill = Counter(kill for kill, _ in self.delivered_again())
        if without := at_kill.pop(None, 0):
            faults.append(f"{without} delivered again, and no kill between")
        faults += [f"{again} delivered again after one kill, and no more than {IN_FLIGHT} can be in flight"
                   for again in at_kill.values() if again > IN_FLIGHT]
        return faults + self.unsound

    def summary(self):
        again = self.delivered_again()
        ages = sorted(age for kill, age in again if kill)
        most = max(Counter(kill for kill, _ in again).values(), default=0)
        returned = sum("reject" in recipient for _, _, recipient in self.arrived)
        rate = sum(len(moments) for moments in self.arrived.values()) / max(self.seconds, 1)
        window = ""
        if ages:
            unheard = sum(age == 0 for age in ages)
            window = (f"\n                   ({unheard} when their sender was dead already; the final replies of the others "
                      f"were at most {ages[-1] * 1000:.0f} ms old)")
        return "\n".join([
            f"seed {self.seed}: {len(self.kills)} kills in {self.seconds:.0f} s, {self.in_start} of them during a "
            f"start; {self.sessions} sessions, {rate:.0f} deliveries a second",
            f"  acknowledged     {len(self.acknowledged)} messages for {len(self.expected())} recipients; "
            f"{returned} came back as a DSN",
            f"  missing          {len(self.missing())}",
            f"  delivered again  {len(again)}, at most {most} at one kill{window}",
            f"  sent again       {self.sent_again()}, by clients whose connection broke before the 250",
            f"  spool checks     {self.checks} between kill and start, {len(self.unsound)} not sound",
        ])


def storm(home, seed, kills, sessions, seconds=None, sealed=False):
    """`kills`, or as many as `seconds` allow. Where it is sealed, keys change
    on the way."""
    chance = random.Random(seed)
    result = Result(seed, sessions)
    began = time.monotonic()
    with FarEnd() as far_end:
        gateway = Gateway(home, [route("*", far_end.port)])
        gateway.start()
        load = Load(gateway, sessions=sessions, recipients=recipients).start()
        try:
            while len(result.kills) < kills and not (seconds and time.monotonic() - began > seconds):
                far_end.delay = chance.choice(DELAYS)
                live_and_die(gateway, far_end, chance, result)
                if sealed and len(result.kills) % 8 == 1:
                    change_key(gateway)
                gateway.spawn()
            far_end.delay = 0
            settle(gateway, load, far_end)
        finally:
            load.abandon()
            stopped = gateway.stop()
        if stopped != 0:
            result.unsound.append(f"it did not stop in order: {stopped}")
        check(gateway, result)
        result.take(load, far_end)
    result.seconds = time.monotonic() - began
    return result


def live_and_die(gateway, far_end, chance, result):
    """One in four dies while it starts, the others under load."""
    if chance.random() < 0.25:
        result.in_start += 1
        time.sleep(chance.uniform(0, 0.3))
    else:
        wait_for_port(gateway.port, gateway.process)
        time.sleep(chance.uniform(0.02, 1.5))
    if gateway.process.poll() is not None:
        raise RuntimeError(f"it ended by itself: {gateway.log()[-3000:]}")
    gateway.kill()
    killed = time.monotonic()
    wait_until("the far end has read what was left", lambda: far_end.sessions == 0)
    result.kills.append((killed, time.monotonic()))
    if len(result.kills) % 4 == 0:
        check(gateway, result)


def check(gateway, result):
    """The spool of the dead: at most the last commit is torn."""
    done = postern("spool", "check", "--json", gateway.home / "data/spool")
    result.checks += 1
    if done.returncode != 0 or not json.loads(done.stdout)["sound"]:
        result.unsound.append(f"after kill {len(result.kills)}: {done.stdout}{done.stderr}")


def change_key(gateway):
    """A new key beside those before it."""
    keys = sorted(gateway.home.glob("*.spoolkey"), reverse=True)
    new = gateway.home / f"{len(keys):04}.spoolkey"
    new.touch(mode=0o600)
    new.write_text(postern("spool", "key").stdout)
    lines = gateway.config.read_text().splitlines()
    text = "\n".join(line for line in lines if "spoolkey" not in line and "old_keys" not in line)
    old = ", ".join(f'"{key}"' for key in keys)
    gateway.config.write_text(text.replace("[spool]\n", f'[spool]\nkey = "{new}"\nold_keys = [{old}]\n', 1) + "\n")


def settle(gateway, load, far_end):
    """Until all that was begun is acknowledged, and the queue is empty."""
    wait_for_port(gateway.port, gateway.process)
    load.finish()
    gateway.wait_until_empty(120)
    arrived = len(far_end.received)
    wait_until("nothing arrives any more", lambda: time.sleep(0.5) or arrived == len(far_end.received))


# deliveries_per_destination is 20, and there are three: two domains of
# recipients, and the sender's own for DSNs.
IN_FLIGHT = 60
