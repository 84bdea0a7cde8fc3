"""Random numbers by place: the same (seed, place) gives the same numbers, whatever was asked before."""

_MASK = (1 << 64) - 1


class Dice:
    """splitmix64 (Steele, Lea, Flood 2014) started at a place."""

    __slots__ = ("_state",)

    def __init__(self, seed: int, place: int) -> None:
        self._state = (seed * 0x9E3779B97F4A7C15 + place * 0xD1342543DE82EF95 + 0x632BE59BD9B4E019) & _MASK
        self.below(2)

    def below(self, end: int) -> int:
        """A whole number from 0 to `end` - 1."""
        self._state = (self._state + 0x9E3779B97F4A7C15) & _MASK
        z = self._state
        z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
        z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & _MASK
        return (z ^ (z >> 31)) % end

    def percent(self, chance: int) -> bool:
        """True in so many of a hundred cases."""
        return self.below(100) < chance

    def between(self, low: float, high: float) -> float:
        """A number in [low, high), in steps of a millionth of the way."""
        return low + (high - low) * self.below(1_000_000) / 1_000_000
