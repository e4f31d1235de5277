"""Which server is asked, by the rules alone: no network, and a clock that is a number."""

from __future__ import annotations

from endpoint_model import request

from evalharness.backends.openai.load_balancer import LoadBalancer

ONE, OTHER = "http://one", "http://other"


def _asked(servers: LoadBalancer, count: int, now: float) -> list[str]:
    return [servers.choose(request(str(number)), (), now) for number in range(count)]


def test_the_least_busy_server_is_asked():
    """Work spreads by what is in flight, not by turns."""
    servers = LoadBalancer([ONE, OTHER])

    assert sorted(_asked(servers, 4, 0.0)) == [ONE, ONE, OTHER, OTHER]
    servers.release(OTHER)
    servers.release(OTHER)
    assert _asked(servers, 2, 0.0) == [OTHER, OTHER]


def test_a_failed_server_is_left_out_twice_as_long_each_time_and_tried_by_one_call():
    """A dead machine costs a call each half minute at most, and comes back by itself."""
    servers = LoadBalancer([ONE, OTHER])
    now, pauses = 0.0, []
    servers.record_failure(ONE, now)
    for _ in range(9):
        begin = now
        while ONE not in (asked := _asked(servers, 3, now)):
            now += 0.5
            for url in asked:
                servers.release(url)
        assert asked.count(ONE) == 1
        for url in asked:
            servers.release(url)
        pauses.append(now - begin)
        servers.record_failure(ONE, now)

    assert pauses == [1, 2, 4, 8, 16, 30, 30, 30, 30]
    servers.record_success(request("well"), ONE)
    assert _asked(servers, 4, now).count(ONE) == 2


def test_calls_that_a_dead_server_took_with_it_count_once():
    """A hundred calls in flight are one failure, not a hundred."""
    servers = LoadBalancer([ONE, OTHER])
    for _ in range(100):
        servers.record_failure(ONE, 0.0)

    assert ONE in _asked(servers, 2, 1.0)


def test_with_every_server_out_the_calls_still_go_somewhere():
    """Whether the model is given up is decided elsewhere."""
    servers = LoadBalancer([ONE, OTHER])
    servers.record_failure(ONE, 0.0)
    servers.record_failure(OTHER, 0.0)

    assert set(_asked(servers, 2, 0.1)) == {ONE, OTHER}
