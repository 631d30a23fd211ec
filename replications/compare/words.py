"""What a leaderboard says, in sentences made of its numbers: true of any numbers, ties and gaps included.

"First" is by the mean; "established" is what `replications.compare.pairs` says. A sentence about something that wasn't
measured isn't made.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from replications.compare.agreement import Agreement, Word
from replications.compare.boards import FAMILIES, SETTINGS, Board
from replications.compare.pairs import Pairs
from replications.compare.roles import Roles
from replications.compare.standings import Standing
from replications.suite.formatting import interval, number

NAMED = 4  # methods that a sentence lists; more are counted

Table = Mapping[str, Mapping[str, Standing]]


class Words:
    """The sentences about one board.

    table: `standings` of it. paired: by measure, at least those of the roles. agreements: of proxies with the truths.
    """

    def __init__(
        self, board: Board, table: Table, paired: Mapping[str, Pairs], agreements: Sequence[Agreement], roles: Roles
    ) -> None:
        self.board, self.table, self.paired, self.agreements, self.roles = board, table, paired, agreements, roles

    def all(self) -> list[tuple[str, str]]:
        """What each is about, and the sentence, in the order in which they are read."""
        parts = {
            "What is compared": self.scope(),
            "Who is first": self.firsts(),
            "Natural images": (*self.yardstick(), *self.floor()),
            "Families of methods": self.families(),
            "Which measures deserve trust": self.proxies(),
        }
        return [(about, sentence) for about, sentences in parts.items() for sentence in sentences]

    def scope(self) -> Iterator[str]:
        """How much is compared."""
        board = self.board
        kinds = [unit.kind for unit in board.units]
        classes = kinds.count("class")
        parts = [(classes, "class unit"), (len(kinds) - classes, "hidden unit")]
        units = " and ".join(counted(count, word) for count, word in parts if count)
        yield (
            f"At {SETTINGS[board.setting]}: {counted(len(board), 'method')}, {units}, "
            f"{counted(len(board.seeds), 'seed')}."
        )

    def firsts(self) -> Iterator[str]:
        """Who is first by each main measure, and over whom that is established."""
        for measure in self._main():
            by_method, what = self.table[measure], self.board.measures[measure]
            first = [method for method, standing in by_method.items() if standing.rank == 1]
            rest = [method for method in by_method if method not in first]
            score = self._score(measure, first[0])
            lead = f"By {what.title} ({what.better} is better)"
            if not rest and len(first) == 1:
                yield f"{lead} a value of one method alone: {self.board.title(first[0])}, {score}."
            elif not rest:
                yield f"{lead} all {len(first)} methods that have values stand alike, at {score}."
            else:
                place = "first" if len(first) == 1 else "first together"
                yield f"{lead} {place}: {self._names(first)}, {score}; {self._lead_over(measure, first, rest)}."

    def yardstick(self) -> Iterator[str]:
        """Where natural exemplars stand, and what they are behind in realism and forced choice."""
        name = self.roles.yardstick
        main = [measure for measure in self._main() if name in self.table[measure]]
        if not main:
            return
        places: dict[str, list[str]] = {}
        for measure in sorted(main, key=lambda m: self.table[m][name].rank):
            by_method = self.table[measure]
            shared = sum(standing.rank == by_method[name].rank for standing in by_method.values()) > 1
            place = f"{ordinal(by_method[name].rank)} of {len(by_method)}{' (shared)' if shared else ''}"
            places.setdefault(place, []).append(self.board.measures[measure].title)
        shown = [f"{place} by {listed(titles)}" for place, titles in places.items()]
        yield f"The yardstick, {self.board.title(name)}: {'; '.join(shown)}."
        for measure in dict.fromkeys((self.roles.realism, self.roles.choice)):
            if measure in main and self.table[measure][name].rank > 1:
                yield self._behind(measure, name)

    def floor(self) -> Iterator[str]:
        """How many methods are established above random natural images, by each main measure."""
        name, parts = self.roles.floor, []
        for measure in self._main():
            if name not in self.table[measure] or self.paired[measure].hopeless:
                continue
            others = [m for m in self.table[measure] if m not in (name, self.roles.yardstick)]
            tested = [m for m in others if self.paired[measure].better(m, name) is not None]
            if not tested:
                continue
            above = [m for m in tested if self.paired[measure].better(m, name)]
            below = [m for m in tested if self.paired[measure].better(name, m)]
            parts.append(
                f"by {self.board.measures[measure].title} {len(above)} better and {len(below)} worse of {len(tested)}"
            )
        if parts:
            title = self.board.title(name)
            yield f"Against the floor, {title}, it is established (the yardstick aside): {'; '.join(parts)}."

    def families(self) -> Iterator[str]:
        """Of each family the best by the truth, realism and forced choice, and how it stands to the yardstick."""
        wanted = dict.fromkeys((self.roles.truths[0], self.roles.realism, self.roles.choice))
        measures = [m for m in wanted if m in self.table]
        families = dict.fromkeys(cell.family for cell in self.board.cells.values())
        for family, title in ((family, FAMILIES.get(family, family)) for family in families):
            own = self.board.of_family(family)
            if family == "natural" or not own:
                continue
            said = [self._best_of(m, [own_one for own_one in own if own_one in self.table[m]]) for m in measures]
            said = [(words, relation) for words, relation in said if words]
            if not said:
                continue
            relations = {relation for _, relation in said}
            if len(relations) == 1 and len(said) > 1:
                (relation,) = relations
                parts = [words for words, _ in said] + ([f"all {relation}"] if relation else [])
            else:
                parts = [f"{words}, {relation}" if relation else words for words, relation in said]
            yield f"{title[:1].upper()}{title[1:]} ({counted(len(own), 'method')}): {'; '.join(parts)}."

    def proxies(self) -> Iterator[str]:
        """Which measures order methods as the ground truth does."""
        said: Mapping[Word, str] = {
            "orders alike": "to be trusted (the whole interval is above 0.5)",
            "goes with": "going with it (the whole interval is above 0)",
            "unrelated": "with next to nothing to do with it (the whole interval is between -0.3 and 0.3)",
            "goes against": "not to be trusted, going against it (the whole interval is below 0)",
            "not established": "in no established relation to it",
        }
        for truth in self.roles.truths:
            found = [a for a in self.agreements if a.other == truth and a.interval.estimate == a.interval.estimate]
            if not found:
                continue
            for word, words in said.items():
                own = [f"{self.board.measures[a.measure].title} ({rho(a)})" for a in found if a.word == word]
                held = f"held against {self.board.measures[truth].title} by rank correlation over methods"
                if own:
                    yield f"Of {counted(len(found), 'proxy', 'proxies')} {held}, {len(own)} {words}: {listed(own)}."

    def _main(self) -> list[str]:
        return [m for m in self.roles.main if self.table.get(m) and m in self.paired]

    def _names(self, methods: Sequence[str]) -> str:
        if len(methods) > NAMED:
            shown = ", ".join(self.board.title(m) for m in methods[: NAMED - 1])
            return f"{shown} and {len(methods) - NAMED + 1} more"
        return listed([self.board.title(m) for m in methods])

    def _score(self, measure: str, method: str) -> str:
        estimate, low, high = self.table[measure][method].interval
        return number(estimate) if low != low or high != high else f"{number(estimate)} {interval(low, high)}"

    def _lead_over(self, measure: str, first: Sequence[str], rest: Sequence[str]) -> str:
        """Over whom the lead of all that are first is established."""
        paired = self.paired[measure]
        sure = [m for m in rest if all(paired.better(best, m) for best in first)]
        open_ = sorted((m for m in rest if m not in sure), key=lambda m: self.table[measure][m].rank)
        if paired.hopeless:
            return paired.hopeless
        if not open_:
            return (
                f"the lead over {'the other' if len(rest) == 1 else f'each of the {len(rest)} others'} is established"
            )
        if not sure:
            if len(rest) == 1:
                return f"the lead over {self._names(rest)} is not established"
            return f"the lead is established over none of the {len(rest)} others"
        others = "the other" if len(sure) == 1 else f"the other {len(sure)}"
        return f"the lead over {self._names(open_)} is not established, over {others} it is"

    def _behind(self, measure: str, name: str) -> str:
        """Why natural exemplars aren't first: what is before them, of what kind, and whether that is established."""
        by_method, paired = self.table[measure], self.paired[measure]
        ahead = [m for m in by_method if by_method[m].rank < by_method[name].rank]
        ahead.sort(key=lambda m: by_method[m].rank)
        sure = [m for m in ahead if paired.better(m, name)]
        natural = [m for m in ahead if self.board.cells[m].family == "natural"]
        words = f"By {self.board.measures[measure].title} the yardstick isn't first: before it "
        words += f"{'stands' if len(ahead) == 1 else 'stand'} {self._names(ahead)}, which is "
        if len(sure) == len(ahead):
            words += "established" if len(ahead) == 1 else "established for each"
        else:
            words += f"established for {self._names(sure)} alone" if sure else "not established"
        if natural:
            whole = len(natural) == len(ahead)
            words += "; natural images as well" if whole else f"; natural images as well: {self._names(natural)}"
        truth = self.roles.truths[0]
        if truth in self.paired and self.paired[truth].better(ahead[0], name):
            more, less = (self._score(truth, m) for m in (ahead[0], name))
            title, best = self.board.measures[truth].title, self.board.title(ahead[0])
            words += f"; before the yardstick by {title} as well, and established: {best} ({more} against {less})"
        return f"{words}."

    def _best_of(self, measure: str, own: Sequence[str]) -> tuple[str, str]:
        """The best of a family's methods by a measure and how it stands to the yardstick; empty where there is none."""
        by_method, paired = self.table[measure], self.paired[measure]
        if not own:
            return "", ""
        best = min(by_method[m].rank for m in own)
        alike = [m for m in own if by_method[m].rank == best]
        words = f"by {self.board.measures[measure].title} "
        words += f"{'first ' if len(own) > 1 else ''}{self._names(alike)} with {self._score(measure, alike[0])}"
        name = self.roles.yardstick
        better, worse = paired.better(alike[0], name), paired.better(name, alike[0])
        if len(alike) > 1 or better is None:
            return words, ""
        if better or worse:
            return words, f"established to be {'better' if better else 'worse'} than {self.board.title(name)}"
        return words, f"not established to differ from {self.board.title(name)}"


def rho(agreement: Agreement) -> str:
    """ "0.81 [0.62, 0.90]" """
    estimate, low, high = agreement.interval
    return f"{estimate:.2f} [{low:.2f}, {high:.2f}]"


def counted(count: int, one: str, many: str = "") -> str:
    """ "1 method", "3 methods"."""
    return f"{count} {one if count == 1 else many or one + 's'}"


def listed(names: Sequence[str]) -> str:
    """ "a, b and c"."""
    return f"{', '.join(names[:-1])} and {names[-1]}" if len(names) > 1 else "".join(names)


def ordinal(rank: int) -> str:
    """ "1st", "12th", "23rd"."""
    ending = "th" if rank % 100 in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(rank % 10, "th")
    return f"{rank}{ending}"
