"""Command `recsys import --profiles`: the list of import profiles, and a profile as a file to copy."""

from typing import Annotated

import typer

from recsys.cli.output import AsJson, print_json, print_table


def profiles(
    profile: Annotated[str | None, typer.Option(help="Print this profile.", show_default=False)] = None,
    as_json: AsJson = False,
) -> None:
    """List the profiles, or print one as a file to copy and change.

    Example: recsys import --profiles

    Example: recsys import --profile shopify-orders --show-profile > mine.toml
    """
    from training.importing.profiles.profile import load_profile, profile_names

    if profile is not None:
        own = load_profile(profile)
        if as_json:
            print_json({"name": own.name, "import": own.table, "export": own.export, "text": own.text})
        else:
            typer.echo(own.text, nl=False)
        return
    known = [load_profile(name) for name in profile_names()]
    if as_json:
        print_json([{"name": each.name, "import": each.table, "export": each.export} for each in known])
    else:
        print_table(("profile", "import", "export"), ((each.name, each.table, each.export) for each in known))
