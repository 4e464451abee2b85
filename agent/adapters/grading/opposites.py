"""Word pairs that reverse a statement: directions, quantities, growth laws, states."""

from functools import cache

_PAIRS = """
increase decrease|increases decreases|increased decreased|increasing decreasing|more less|more fewer|most least
higher lower|high low|highest lowest|larger smaller|large small|largest smallest|bigger smaller|big small|biggest smallest
greater smaller|greater less|grow shrink|grows shrinks|rise fall|rises falls|raise lower|raises lowers|up down
faster slower|fast slow|quicker slower|longer shorter|long short|longest shortest|tighter looser|heavier lighter|heavy light
hotter colder|hot cold|warmer cooler|warm cool|heat cool|heats cools|harder softer|hard soft|thicker thinner|thick thin
stronger weaker|strong weak|deeper shallower|wider narrower|wide narrow|brighter dimmer|bright dim|darker lighter
linear quadratic|linearly quadratically|linear constant|linearly exponentially|linear exponential|exponential logarithmic
quadratic constant|sublinear superlinear|double halve|doubles halves|doubled halved|doubling halving|twice half
before after|above below|over under|inside outside|first last|early late|earlier later|left right|top bottom|front back
same different|equal unequal|equal different|identical different|similar different|open closed|opened closed|connected disconnected
connected separated|connect disconnect|positive negative|on off|all none|every no|always never|everything nothing|both neither
with without|can cannot|true false|possible impossible|able unable|present absent|complete incomplete|damaged undamaged
attract repel|attracts repels|absorb reflect|absorbs reflects|gain lose|gains loses|add remove|adds removes|float sink|floats sinks
dissolve precipitate|expand contract|expands contracts|push pull|pushes pulls|input output|start end|begin end|begins ends
read write|reads writes|encode decode|encoder decoder|query key|queries keys|prefill decode|training inference
memory compute|memory-bound compute-bound|bandwidth-bound compute-bound|latency throughput|parallel series|parallel sequential
parallel serial|synchronous asynchronous|lossless lossy|dense sparse|upper lower|maximum minimum|max min|better worse|best worst
cheap expensive|cheaper costlier|easy difficult|easier harder|simple complex|accept reject|accepts rejects|allow prevent|allows prevents
keep discard|keeps discards|include exclude|includes excludes|enable disable|improves degrades|improve degrade|precision recall
client server|sender receiver|static dynamic|fixed variable|required optional|relative absolute|local global|public private
forward backward|future past|causal bidirectional|conductor insulator|conductors insulators|safe dangerous|directly inversely
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
