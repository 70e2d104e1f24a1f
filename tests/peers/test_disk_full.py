"""A disk that fills up, turns read-only, or loses its power under the spool:
mail is refused with 452 4.3.1 in time, and what got a 250 is delivered."""

import random
import time

import clients
import pytest
from far_end import FarEnd
from filesystem import FileSystem
from gateway import Gateway, postern, route
from messages import RECIPIENT, SENDER, message
from numbered import Load, all_arrived
from processes import free_port, wait_until

STUCK = "someone@stuck.test.example"


@pytest.fixture
def disk(home):
    """On which the gateway of `home / "gateway"` keeps its data. A segment is
    64 MiB, so that a few fit."""
    with FileSystem(home / "image", home / "gateway/data", 320) as disk:
        yield disk


def submit(gateway, subject, recipient=RECIPIENT, octets=0):
    """The reply to the content."""
    mail = message(subject, recipient)
    if octets:
        mail.add_attachment(random.Random(subject).randbytes(octets), maintype="application", subtype="octet-stream",
                            filename="scan.bin")
    with clients.connect(gateway) as client:
        return clients.submit(client, mail, [recipient])


def refuses(gateway):
    code, text = submit(gateway, "Refused")
    return code == 452 and text.startswith("4.3.1")


def accepts(gateway):
    return submit(gateway, "When there is space again", STUCK)[0] == 250


def subjects(far_end):
    """In order of arrival; of a DSN, whose it is."""
    return sorted(received.header("Subject")[0] for received in far_end.received)


def metric(gateway, name):
    _, text = gateway.http("/metrics")
    return sum(float(line.rpartition(" ")[2]) for line in text.splitlines() if line.startswith(name))


def test_a_full_disk_refuses_mail_records_outcomes_and_mends_itself(home, disk):
    port, stuck = free_port(), free_port()
    gateway = Gateway(home / "gateway", [route("stuck.test.example", stuck), route("*", port)])
    with gateway:
        # Nobody listens yet at either next hop: all of this waits.
        assert submit(gateway, "Delivered")[0] == 250
        assert submit(gateway, "Returned", "reject@partner.test.example")[0] == 250
        disk.fill()
        waiting = []
        while (reply := submit(gateway, f"Scan {len(waiting)}", STUCK, 4 << 20))[0] == 250:
            waiting.append(f"Scan {len(waiting)}")
        assert reply[0] == 452 and reply[1].startswith("4.3.1"), reply
        print(f"\nfull after {len(waiting)} messages of 5.5 MB")
        assert len(waiting) > 5
        assert refuses(gateway), "a small message was taken"
        status, why = gateway.http("/readyz")
        assert status == 503 and "full" in why
        done = postern("health", "--config", gateway.config)
        assert done.returncode == 1 and "full" in done.stderr
        assert metric(gateway, 'postern_spool_failures_total{during="accept"}') >= 2
        assert metric(gateway, "postern_spool_accepting ") == 0

        # Outcomes, and the DSN that follows from one, go to the reserve.
        with FarEnd(port) as far_end:
            gateway.queue("retry")
            far_end.wait_for(2)
            wait_until("only what is stuck is queued", lambda: len(gateway.queued()) == len(waiting))
            assert [received.forward_paths for received in far_end.received if "Delivered" not in
                    received.header("Subject")] == [[SENDER]], "no DSN to the sender"
            assert refuses(gateway), "there should be no space yet"

            # They are known to the next start, which finds the disk full too.
            gateway.kill()
            gateway.start()
            assert len(gateway.queued()) == len(waiting)
            assert refuses(gateway)
            time.sleep(1)
            assert len(far_end.received) == 2, "an outcome was forgotten"

            disk.make_room()
            wait_until("mail is taken again", lambda: accepts(gateway))
            assert gateway.http("/readyz")[0] == 200
            assert metric(gateway, "postern_spool_accepting ") == 1
        with FarEnd(stuck) as far_end:
            gateway.queue("retry")
            gateway.wait_until_empty()
            assert subjects(far_end) == sorted([*waiting, "When there is space again"])


def test_a_disk_that_turns_read_only_refuses_mail_and_loses_none(home, disk):
    port = free_port()
    with Gateway(home / "gateway", [route("*", port)]) as gateway:
        accepted = [f"Before {number}" for number in range(20)]
        assert [submit(gateway, subject)[0] for subject in accepted] == [250] * 20
        disk.turn_read_only()
        assert refuses(gateway) and refuses(gateway)
        assert gateway.http("/readyz")[0] == 503
        assert len(gateway.queued()) == 20, "what is queued can still be read"
        with FarEnd(port) as far_end:
            for _ in range(2):
                gateway.queue("retry")
                time.sleep(1)
            assert far_end.received == [], "that would be delivered over and over: nobody can record it"
        gateway.kill()
        disk.mount_again()
        done = postern("spool", "check", gateway.home / "data/spool")
        assert done.returncode == 0, done.stdout
        gateway.start()
        assert submit(gateway, "After")[0] == 250
        with FarEnd(port) as far_end:
            gateway.queue("retry")
            gateway.wait_until_empty()
            assert subjects(far_end) == sorted([*accepted, "After"])


@pytest.mark.parametrize("failure", ["the power failed", "the journal was aborted"])
def test_what_got_a_250_before_it_is_on_a_real_disk(home, disk, failure):
    cuts = []
    fail = disk.cut_power if failure == "the power failed" else disk.turn_read_only
    with FarEnd() as far_end, Gateway(home / "gateway", [route("*", far_end.port)]) as gateway:
        load = Load(gateway, 1_500).start()
        for acknowledged in (200, 600, 1_000):
            load.wait_for(acknowledged)
            fail()
            cuts.append(len(load.acknowledged))
            gateway.kill()
            disk.mount_again()
            done = postern("spool", "check", gateway.home / "data/spool")
            assert done.returncode == 0, done.stdout
            gateway.start()
        load.wait()
        twice = all_arrived(load, far_end, gateway)
    print(f"\n1500 acknowledged, {failure} at {cuts}, 0 lost, {len(twice)} delivered more than once")
