"""Import profile: the options of an import for one kind of export, read from a small TOML file."""

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from recsys.config import spelling_hint
from recsys.data.files.conditions import SIGN
from recsys.errors import BadInput

FOLDER = Path(__file__).parent
TABLES = ("events", "items", "users")
ABOUT = ("import", "export", "dropped", "known-by")  # keys that are no options
COLUMN_LISTS = ("keep", "text", "carry-down", "carry-within", "explode")  # options that name columns
FEWEST_COLUMNS = 3  # or parts of objects, by which an export is recognised
PAIRS = ("map", "const", "kinds")  # options of pairs, TARGET=COLUMN

OptionValue = str | bool | int | float | list[Any] | dict[str, Any]


@dataclass(frozen=True, slots=True)
class OptionKind:
    """The form of an option's value in a profile: true or false, a list, or a single value.

    negative: the word for false, such as `--no-attributes`; None where there is none, because false is the default.
    """

    is_flag: bool = False
    is_list: bool = False
    negative: str | None = None


@dataclass(frozen=True, slots=True)
class Profile:
    """A profile.  table: the command that reads the file, events, items or users.  options: values by long name.

    export: which export it reads.  dropped: which of its lines are left out.  known_by: other columns that it has.
    """

    name: str
    table: str
    export: str
    dropped: str
    known_by: tuple[str, ...]
    options: Mapping[str, OptionValue]
    text: str

    def mapped(self) -> dict[str, str]:
        """The column of each target."""
        return {target: str(column) for target, column in self._pairs("map").items()}

    @property
    def explode(self) -> str | None:
        """The column whose lists become rows, or None."""
        value = self.options.get("explode")
        return value if isinstance(value, str) else None

    def fits(self, columns: Sequence[str]) -> bool:
        """Whether a file with these columns is such an export."""
        own = {*self.known_by} if "join" in self.options else self.columns()  # others stand in the joined file
        return len(self.mapped()) + len(self.known_by) >= FEWEST_COLUMNS and own <= {*columns}

    def columns(self) -> set[str]:
        """The columns of the export that the profile names; of a part of an object, that of the object."""
        parts = [part.strip() for source in self.mapped().values() for part in source.split("+")]
        parts += [SIGN.split(condition)[0].strip() for condition in self.listed("where")]
        others = [name for option in COLUMN_LISTS for name in self.listed(option)]
        return {part.partition(".")[0] for part in parts} | {*others, *self.known_by}

    def keeps(self, column: str) -> bool:
        """Whether a column without a target becomes an attribute."""
        return column in self.listed("keep") if "keep" in self.options else self.options.get("attributes") is not False

    def listed(self, option: str) -> list[str]:
        """The values of an option; none where the profile does not have it."""
        value = self.options.get(option, [])
        return [*map(str, value)] if isinstance(value, list) else [str(value)]

    def _pairs(self, option: str) -> Mapping[str, Any]:
        pairs = self.options.get(option, {})
        return pairs if isinstance(pairs, dict) else {}

    def words(self, kinds: Mapping[str, OptionKind], given: Mapping[str, Sequence[str]]) -> list[str]:
        """The options as words of a command line.  kinds: the options of the command by long name.

        given: the options of the command line, with their values.  They win: an option that is given there is left
        out, and of --map, --const and --kinds the targets that are named there.  Raises BadInput.
        """
        left_out = {target for option in ("map", "const") for target in _targets(given.get(option, ()))}
        by_option = {"map": left_out, "const": left_out, "kinds": set(_targets(given.get("kinds", ())))}
        words = []
        for option, value in self.options.items():
            self._check(option, value, kinds)
            if option in PAIRS:
                pairs = self._pairs(option).items()
                words += [f"--{option}={key}={part}" for key, part in pairs if key.lower() not in by_option[option]]
            elif option not in given:
                words += _words(option, value, kinds[option].negative)
        return words

    def _check(self, option: str, value: OptionValue, kinds: Mapping[str, OptionKind]) -> None:
        """Raises BadInput that names the key, the value and the allowed ones."""
        kind = kinds.get(option)
        if kind is None:
            raise BadInput(
                f"profile {self.name}: there is no key {option!r} (its value is {value!r:.60}); "
                f"{spelling_hint(option, [*ABOUT, *kinds])}"
            )
        expected, is_right = _form(option, value, kind)
        if not is_right:
            raise BadInput(f"profile {self.name}: {option} is {value!r:.60}; write {expected}")


def load_profile(name: str) -> Profile:
    """The profile of that name, or of a TOML file.  Raises BadInput."""
    names = profile_names()
    path = FOLDER / f"{name}.toml" if name in names else Path(name)
    if name not in names and not path.is_file():
        hint = "no such file" if path.suffix == ".toml" else f"{spelling_hint(name, names)} (recsys import --profiles)"
        raise BadInput(f"--profile {name}: {hint}")
    try:
        text = path.read_text(encoding="utf-8")
        document = tomllib.loads(text)
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise BadInput(f"profile {name}: is no TOML: {error}") from None
    table = document.get("import")
    if table not in TABLES:
        raise BadInput(f"profile {name}: import is {table!r}; write one of {', '.join(TABLES)}")
    options = {key: value for key, value in document.items() if key not in ABOUT}
    return Profile(
        name=name,
        table=table,
        export=str(document.get("export", "")),
        dropped=str(document.get("dropped", "")),
        known_by=tuple(document.get("known-by", ())),
        options=options,
        text=text,
    )


def matching_profile(columns: Sequence[str]) -> Profile | None:
    """The profile that comes with the program and fits the columns best; None where none fits."""
    fitting = [profile for name in profile_names() if (profile := load_profile(name)).fits(columns)]
    return max(fitting, key=lambda profile: len(profile.columns()), default=None)


def profiles_of(system: str) -> list[Profile]:
    """The profiles of a shop system, such as woocommerce-orders and woocommerce-products of woocommerce."""
    return [load_profile(name) for name in profile_names() if name.startswith(f"{system}-")]


def profile_names() -> list[str]:
    """The names of all profiles that come with the program, sorted."""
    return sorted(path.stem for path in FOLDER.glob("*.toml"))


def _targets(pairs: Sequence[str]) -> list[str]:
    return [part.partition("=")[0].strip().lower() for pair in pairs for part in pair.split(",") if "=" in part]


def _words(option: str, value: OptionValue, negative: str | None) -> list[str]:
    if isinstance(value, bool):
        return [f"--{option}"] if value else [negative] if negative else []
    return [f"--{option}={part}" for part in (value if isinstance(value, list) else [value])]


def _form(option: str, value: OptionValue, kind: OptionKind) -> tuple[str, bool]:
    """The form that the value must have, in words, and whether it has it."""
    if option in PAIRS:
        is_table = isinstance(value, dict) and all(isinstance(part, str) for part in value.values())
        return f'a table of texts, such as [{option}] and below it user_id = "customer"', is_table
    if kind.is_flag:
        return "true or false", isinstance(value, bool)
    if kind.is_list:
        parts = value if isinstance(value, list) else [value]
        return "a text, or a list of texts", all(isinstance(part, str) for part in parts)
    return "a text or a number", isinstance(value, str | int | float) and not isinstance(value, bool)
