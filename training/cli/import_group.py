"""Command group `recsys import`: a profile becomes options of its command, and chooses the command."""

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from recsys.cli.registration import JobCommand, JobGroup
from recsys.errors import BadInput
from recsys.redaction import redacted

if TYPE_CHECKING:
    from training.importing.profiles.profile import OptionKind, Profile

NOT_IN_PROFILES = {"cause", "help", "profile", "correct", "json", "from"}
SOURCE_KEYS = ("import", "url")  # of [sources.NAME]; the others are options
TABLES = ("events", "items", "users", "facts")
CHOOSERS = {"--look": "look", "--profiles": "profiles", "--show-profile": "profiles"}  # commands by option


class ProfileCommand(JobCommand):
    """An import with --profile: the options of the profile stand before those of the command line, which win."""

    @property
    def table(self) -> str:
        """The table that a profile must be for."""
        return str(self.name)

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        from training.sources.addresses import is_source_name

        given = _given_values(self.params, self.make_parser(ctx).parse_args(args=list(args))[0])
        if "from" in given and is_source_name(given["from"][-1]):
            source = _named_source(ctx, given["from"][-1])
            if source.table not in ("", self.name):
                raise BadInput(f"--from {source.name}: it is for {source.table}; say recsys import {source.table}")
            args = [
                *source.words(_option_kinds(self.params, {*NOT_IN_PROFILES} - {"profile", "correct"}), given),
                *args,
            ]
            given = _given_values(self.params, self.make_parser(ctx).parse_args(args=list(args))[0])
        if "profile" in given:
            profile = _profile_of(given["profile"][-1], args, self.table)
            ctx.meta[__name__] = profile, given
            args = [*profile.words(_option_kinds(self.params), given), *args]
        try:
            rest: list[str] = super().parse_args(ctx, args)
        except typer.BadParameter as error:
            raise _named(ctx, error, _long_name(error.param), f"{_long_name(error.param)}: {error.message}") from None
        return rest

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except BadInput as error:
            raise _named(ctx, error, str(error).partition(" ")[0].strip("-:"), str(error)) from None


class CheckCommand(ProfileCommand):
    """A check with --profile, that of the events."""

    table = "events"


class ImportGroup(JobGroup):
    """`recsys import`: without a table, that of the profile counts; --look and --profiles stand for commands."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        rest: list[str] = super().parse_args(ctx, self._with_command(ctx, args))
        return rest

    def _with_command(self, ctx: Any, args: list[str]) -> list[str]:
        if not args or args[0] in self.commands or "--help" in args:
            return args
        for option, command in CHOOSERS.items():
            if option in args:
                return [command, *(word for word in args if word != option)]
        name = _value_of("--profile", args)
        if name is not None:
            return [_profile_of(name, args).table, *args]
        source = _value_of("--from", args)
        if source is not None:
            return [_table_of(ctx, source), *args]
        if Path(args[0]).is_file():
            raise BadInput(
                f"{args[0]}: name the table, such as recsys import events {args[0]}, or look what the file holds: "
                f"recsys import --look {args[0]}"
            )
        return args


def import_(
    look: bool = typer.Option(False, "--look", help="Show what FILE holds and the command that imports it."),
    profile: str | None = typer.Option(None, help="Import FILE with a profile: a name, or a TOML file."),
    profiles: bool = typer.Option(False, "--profiles", help="List the profiles."),
    show_profile: bool = typer.Option(False, "--show-profile", help="Print --profile as a file to copy and change."),
    source: str | None = typer.Option(None, "--from", help="Import what is new in \\[sources.NAME] of recsys.toml."),
) -> None:
    """Import events, items, customers and facts from files, or from a database, S3 or a folder.

    Example: recsys import --look orders.csv

    Example: recsys import --profile shopify-orders orders_export.csv

    Example: recsys import --from orders
    """


def _named(ctx: Any, error: Exception, option: str, text: str) -> Exception:
    """The error; where the option comes from a profile, an error that names it."""
    profile, given = ctx.meta.get(__name__, (None, {}))
    is_of_profile = profile is not None and option in profile.options and option not in given
    return BadInput(f"profile {profile.name}: {text}") if is_of_profile else error


def _profile_of(name: str, args: Sequence[str], table: str | None = None) -> "Profile":
    """The profile; for a shop system with several, that of the table, or the one that fits the files among `args`.

    Raises BadInput where it is not for that table.
    """
    from training.importing.profiles.profile import load_profile, profile_names, profiles_of

    several = [] if name in profile_names() or Path(name).is_file() else profiles_of(name)
    if several:
        profiles = [each for each in several if table in (None, each.table)] or several
        if len(profiles) > 1:
            profiles = _fitting(profiles, args)
        if len(profiles) != 1:
            raise BadInput(f"--profile {name}: name one of {', '.join(each.name for each in several)}")
        return profiles[0]
    profile = load_profile(name)
    if table not in (None, profile.table):
        raise BadInput(f"--profile {name}: it is for {profile.table}; say recsys import {profile.table}")
    return profile


def _named_source(ctx: Any, name: str) -> "Profile":
    """The table `[sources.NAME]` as a profile without its address.  Raises BadSettings."""
    from recsys.config import source_settings
    from training.importing.profiles.profile import Profile

    settings = source_settings(ctx.obj.file, name)
    options = {key: value for key, value in settings.items() if key not in SOURCE_KEYS}
    return Profile(f"[sources.{name}]", str(settings.get("import", "")), "", "", (), options, "")


def _table_of(ctx: Any, source: str) -> str:
    """The table of a named source.  Raises BadInput where nothing says it."""
    from training.sources.addresses import is_source_name

    table = _named_source(ctx, source).table if is_source_name(source) else ""
    if table not in TABLES:
        raise BadInput(
            f"--from {redacted(source, source)}: name the table, such as recsys import events --from …, or write "
            f'import = "events" into [sources.NAME]; tables are {", ".join(TABLES)}'
        )
    return table


def _fitting(profiles: "Sequence[Profile]", args: Sequence[str]) -> "list[Profile]":
    """The profiles that fit the columns of the first file."""
    from recsys.data.files.readers import open_table

    for file in (Path(word) for word in args if Path(word).is_file()):
        columns = open_table(file).columns
        return [profile for profile in profiles if profile.fits(columns)]
    return []


def _value_of(option: str, args: Sequence[str]) -> str | None:
    for word, following in zip(args, [*args[1:], ""], strict=True):
        if word == option:
            return following
        if word.startswith(f"{option}="):
            return word.partition("=")[2]
    return None


def _option_kinds(params: Sequence[Any], excluded: Collection[str] = NOT_IN_PROFILES) -> "dict[str, OptionKind]":
    """The options that a profile may hold, by long name."""
    from training.importing.profiles.profile import OptionKind

    names = {_long_name(param): param for param in params if _long_name(param)}
    return {
        name: OptionKind(bool(param.is_flag), bool(param.multiple), next(iter(param.secondary_opts), None))
        for name, param in names.items()
        if name not in excluded
    }


def _given_values(params: Sequence[Any], given: Mapping[str, Any]) -> dict[str, list[str]]:
    """The options that are given, by long name, each with its values."""
    values = {_long_name(param): given[param.name] for param in params if given.get(param.name) is not None}
    return {name: list(value) if isinstance(value, list | tuple) else [value] for name, value in values.items()}


def _long_name(param: Any) -> str:
    return next((option[2:] for option in getattr(param, "opts", ()) if option.startswith("--")), "")
