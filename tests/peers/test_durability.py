"""What got a 250 is delivered, whatever happens to the process."""

import sys
import time

from far_end import FarEnd
from gateway import ROOT, Gateway, route
from numbered import Load, all_arrived, numbers

sys.path.insert(0, str(ROOT / "tests/torture"))

from storm import storm  # noqa: E402

SESSIONS = 20


def test_kill_during_five_thousand_messages_loses_none(home):
    with FarEnd() as far_end, Gateway(home / "gateway", [route("*", far_end.port)]) as gateway:
        load = Load(gateway, 5_000).start()
        kills = []
        for acknowledged in (1_000, 2_500, 4_000):
            load.wait_for(acknowledged)
            gateway.kill()
            kills.append((len(load.acknowledged), len(far_end.received)))
            time.sleep(0.3)
            gateway.start()
        load.wait()
        assert len(load.acknowledged) == 5_000
        twice = all_arrived(load, far_end, gateway)
    # A message sent again by its client after the connection broke, and one
    # whose delivery was done but not yet recorded, may both come twice. At
    # each kill no more of either can be in flight than there are sessions on
    # the two sides.
    print(f"\n5000 acknowledged, 3 kills (acknowledged, delivered at each: {kills}), 0 lost, "
          f"{len(twice)} delivered more than once")
    assert len(twice) <= 3 * (SESSIONS + 20)


def test_killed_at_any_moment_it_loses_none_and_repeats_only_what_was_in_flight(home):
    result = storm(home / "storm", seed=20261123, kills=8, sessions=8)
    print("\n" + result.summary())
    assert result.faults() == []
    assert result.in_start > 0 and len(result.acknowledged) > 100, "too little happened to show anything"


def test_sigterm_under_load_ends_in_order_and_the_rest_is_delivered(home):
    with FarEnd() as far_end, Gateway(home / "gateway", [route("*", far_end.port)]) as gateway:
        far_end.delay = 0.2  # so that a queue builds up
        load = Load(gateway, 600).start()
        load.wait_for(300)
        began = time.monotonic()
        code = gateway.stop()
        took = time.monotonic() - began
        left = len(load.acknowledged) - len(numbers(far_end))
        assert code == 0, gateway.log()[-2000:]
        assert took < 40
        far_end.delay = 0
        gateway.start()
        load.wait()
        twice = all_arrived(load, far_end, gateway)
    print(f"\nSIGTERM took {took:.1f} s and left {left} messages for the restart")
    assert left > 0, "nothing was left: the test shows nothing"
    # An orderly stop knows what it has delivered and what it has answered.
    assert twice == {}


def test_a_restart_with_nothing_to_do_is_quick(gateway):
    began = time.monotonic()
    assert gateway.stop() == 0
    gateway.start()
    assert time.monotonic() - began < 10
