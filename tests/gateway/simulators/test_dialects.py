"""Both sides of the simulation speak the same dialects."""

from gateway.simulators.host_speech import SPEECHES as HOST_SPEECHES
from gateway.simulators.terminal_speech import SPEECHES as TERMINAL_SPEECHES


def test_host_and_terminals_speak_the_same_dialects() -> None:
    assert set(HOST_SPEECHES) == set(TERMINAL_SPEECHES) == {"iso87-ascii", "unionpay-pos"}


def test_each_speech_is_filed_under_the_name_of_its_dialect() -> None:
    for speeches in (HOST_SPEECHES, TERMINAL_SPEECHES):
        assert all(speech.dialect.name == name for name, speech in speeches.items())
