import pytest

from detector.people import assign_hands, assign_heads


def boxes(*rows):
    return list(rows)


@pytest.mark.parametrize(
    ("people", "heads", "owners"),
    [
        (boxes(), boxes((0, 0, 9, 9)), [-1]),
        (boxes((0, 0, 50, 100)), boxes(), []),
        (boxes((0, 0, 50, 100)), boxes((15, 2, 35, 25)), [0]),
        (boxes((0, 0, 50, 100)), boxes((200, 2, 220, 25)), [-1]),
        # a head that sticks out above a tight box
        (boxes((0, 10, 50, 100)), boxes((15, 2, 35, 25)), [0]),
        # two heads in one box: the upper one is the person's own
        (boxes((0, 0, 50, 100)), boxes((15, 60, 35, 80), (15, 2, 35, 25)), [-1, 0]),
        # the one in front hides the one behind: each gets the head at its own top
        (boxes((0, 40, 60, 140), (10, 0, 70, 140)), boxes((30, 2, 50, 25), (20, 42, 40, 65)), [1, 0]),
        # one head in two boxes: whose top is nearest, in shares of the height
        (boxes((0, 0, 100, 200), (0, 60, 100, 260)), boxes((40, 62, 60, 82)), [1]),
        (boxes((0, 60, 100, 260), (0, 0, 100, 200)), boxes((40, 62, 60, 82)), [0]),
        (boxes((0, 0, 100, 400), (0, 52, 100, 102)), boxes((40, 32, 60, 92)), [0]),
        # at the same height: who has all of it
        (boxes((0, 0, 50, 100), (15, 0, 65, 100)), boxes((10, 0, 30, 20)), [0]),
        (boxes((15, 0, 65, 100), (0, 0, 50, 100)), boxes((10, 0, 30, 20)), [1]),
        # most of it lies outside
        (boxes((0, 50, 50, 100)), boxes((15, 39, 35, 59)), [-1]),
    ],
)
def test_heads(people, heads, owners):
    told = assign_heads(people, heads)
    assert [told.get(i, -1) for i in range(len(heads))] == owners


@pytest.mark.parametrize(
    ("people", "hands", "owners"),
    [
        (boxes((0, 0, 50, 100)), boxes((0, 50, 10, 60), (40, 50, 50, 60)), [0, 0]),
        (boxes((0, 0, 50, 100)), boxes((200, 50, 210, 60)), [-1]),
        # an arm stretched out of the box
        (boxes((0, 0, 100, 200)), boxes((100, 50, 112, 62)), [0]),
        # nobody has three hands
        (boxes((0, 0, 50, 100)), boxes((0, 50, 10, 60), (40, 50, 50, 60), (22, 50, 30, 60)), [0, -1, 0]),
        (boxes((0, 0, 50, 100), (60, 0, 110, 100)), boxes((62, 50, 72, 60), (35, 50, 45, 60)), [1, 0]),
        # out of the reach of that arm: to the right, and above
        (boxes((0, 0, 100, 200)), boxes((112, 50, 122, 60), (50, -38, 60, -28)), [-1, -1]),
        # one hand in two boxes: where it is most central, in shares of the sides, across and down
        (boxes((0, 0, 200, 200), (100, 0, 160, 200)), boxes((120, 90, 130, 100)), [1]),
        (boxes((0, 0, 200, 200), (110, 0, 170, 200)), boxes((120, 90, 130, 100)), [0]),
        (boxes((0, 0, 100, 100), (0, 60, 100, 160)), boxes((45, 85, 55, 95)), [1]),
        (boxes((0, 60, 100, 160), (0, 0, 100, 100)), boxes((45, 85, 55, 95)), [0]),
    ],
)
def test_hands(people, hands, owners):
    told = assign_hands(people, hands)
    assert [told.get(i, -1) for i in range(len(hands))] == owners
