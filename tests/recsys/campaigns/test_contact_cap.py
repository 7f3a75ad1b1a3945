"""Contact cap: its slow twin, and no window of time that ever holds more, whatever is drawn in whatever order."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from recsys.campaigns.contact_cap import ContactCap, Contacts, in_quiet_days, over_cap
from recsys.time_units import DAY_MS

HOURS = st.integers(0, 24 * 20)
CAPS = st.builds(ContactCap, st.integers(1, 3), st.integers(1, 9), st.integers(0, 3))


def breaks(times: list[int], cap: ContactCap) -> bool:
    """Whether a window of per_days holds more than max_contacts."""
    return any(sum(0 <= other - start < cap.per_days * DAY_MS for other in times) > cap.max_contacts for start in times)


def contacts_of(times: list[list[int]]) -> Contacts:
    pairs = [(row, at) for row, own in enumerate(times) for at in own]
    columns = np.array(pairs, np.int64).reshape(-1, 2)
    return Contacts(columns[:, 0], columns[:, 1])


@given(st.lists(HOURS, max_size=40), CAPS)
def test_whatever_is_drawn_no_window_ever_holds_more(hours: list[int], cap: ContactCap) -> None:
    times: list[list[int]] = [[], []]
    for nth, hour in enumerate(hours):
        at_ms = hour * DAY_MS // 24
        refused = over_cap(contacts_of(times), 2, at_ms, cap)
        for row in (0, 1) if nth % 3 else (0,):
            expected = breaks([*times[row], at_ms], cap)
            assert refused[row] == expected
            if not refused[row]:
                times[row].append(at_ms)
    assert not any(breaks(own, cap) for own in times)


@given(st.lists(HOURS, max_size=10), HOURS, CAPS)
def test_quiet_days_lie_on_both_sides_of_a_contact(hours: list[int], start: int, cap: ContactCap) -> None:
    near = any(abs(hour - start) < cap.quiet_days * 24 for hour in hours)
    contacts = contacts_of([[hour * DAY_MS // 24 for hour in hours]])
    assert in_quiet_days(contacts, 1, start * DAY_MS // 24, cap).tolist() == [near]
