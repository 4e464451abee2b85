"""Word pairs that reverse a statement: directions, quantities, growth laws, states.

Words that negate (`never`, `without`) are not here: they are counted as negations, and would count twice.
"""

from functools import cache

_PAIRS = """
increase decrease|increases decreases|increased decreased|increasing decreasing|more less|more fewer
most least|higher lower|high low|highest lowest|larger smaller|large small|largest smallest|bigger smaller
big small|biggest smallest|greater smaller|greater less|grow shrink|grows shrinks|rise fall|rises falls
raise lower|raises lowers|faster slower|fast slow|quicker slower|longer shorter|long short|longest shortest
tighter looser|heavier lighter|heavy light|hotter colder|hot cold|warmer cooler|warm cool|harder softer
hard soft|thicker thinner|thick thin|stronger weaker|strong weak|deeper shallower|wider narrower|wide narrow
brighter dimmer|bright dim|darker lighter|linear quadratic|linearly quadratically|linear constant
linearly exponentially|linear exponential|exponential logarithmic|quadratic constant|sublinear superlinear
double halve|doubles halves|doubled halved|doubling halving|twice half|before after|above below|early late
earlier later|same different|equal unequal|equal different|identical different|similar different|open closed
opened closed|connected disconnected|connected separated|connect disconnect|positive negative
possible impossible|able unable|present absent|complete incomplete|damaged undamaged|attract repel
attracts repels|absorb reflect|absorbs reflects|gain lose|gains loses|add remove|adds removes|float sink
floats sinks|dissolve precipitate|expand contract|expands contracts|memory-bound compute-bound
bandwidth-bound compute-bound|parallel series|parallel sequential|parallel serial|synchronous asynchronous
lossless lossy|dense sparse|upper lower|better worse|best worst|cheap expensive|cheaper costlier
easy difficult|easier harder|simple complex|accept reject|accepts rejects|allow prevent|allows prevents
keep discard|keeps discards|include exclude|includes excludes|enable disable|improves degrades
improve degrade|fixed variable|required optional|relative absolute|forward backward|causal bidirectional
conductor insulator|conductors insulators|safe dangerous|directly inversely
"""


@cache
def table() -> dict[str, frozenset[str]]:
    """Every word of a pair, lower case, with the words that reverse it."""
    found: dict[str, set[str]] = {}
    for pair in _PAIRS.replace("\n", "|").split("|"):
        if pair.strip():
            one, two = pair.split()
            found.setdefault(one, set()).add(two)
            found.setdefault(two, set()).add(one)
    return {word: frozenset(others) for word, others in found.items()}
