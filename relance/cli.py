"""The command line: ``relance --help``."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import platformdirs
import typer

from journeys.imports import What
from journeys.policy import Policy
from relance import (
    customer_commands,
    events_commands,
    hook_commands,
    import_commands,
    processes,
    push_commands,
    rehearse_command,
    shop_commands,
    typed,
)
from relance import demo as demo_day
from relance import up as up_command
from relance.endpoint_cli import offer_api, task_hook
from relance.errors import UsageError
from relance.journey_cli import journeys
from relance.plan_cli import plan
from relance.running import run as _run
from relance.running import settings as _settings
from relance.task_cli import task_mail, tasks

app = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
    help="Customer journeys for online shops, each one a durable Temporal workflow.",
    epilog="First steps: `relance up` starts everything on this machine; then see http://127.0.0.1:8080/docs.",
)
shop = typer.Typer(no_args_is_help=True, help="Shops: make one, change its settings, show them.")
key = typer.Typer(no_args_is_help=True, help="API keys and write keys; only hashes are stored.")
hook = typer.Typer(no_args_is_help=True, help="Webhooks of shops: their secrets, and bodies that could not be read.")
imports = typer.Typer(no_args_is_help=True, help="The first day: what the shop knew before Relance.")
app.add_typer(shop, name="shop")
app.add_typer(plan, name="plan")
app.add_typer(journeys, name="journeys")
app.add_typer(tasks, name="tasks")
app.add_typer(task_hook, name="task-hook")
app.add_typer(task_mail, name="task-mail")
customer = typer.Typer(no_args_is_help=True, help="Customers: what is known of a person.")
app.add_typer(customer, name="customer")
events = typer.Typer(no_args_is_help=True, help="Events whose effect Temporal could not be told of.")
app.add_typer(key, name="key")
push_key = typer.Typer(no_args_is_help=True, help="The key by which browsers know a shop's pushes (VAPID).")
app.add_typer(push_key, name="push-key")
app.add_typer(hook, name="hook")
app.add_typer(offer_api, name="offer-api")
app.add_typer(imports, name="import")
app.add_typer(events, name="events")

Data = Annotated[Path, typer.Option("--data", help="Where everything is kept.", show_default="the user's data folder")]
Rows = Annotated[Path, typer.Argument(metavar="FILE", help="CSV or NDJSON in UTF-8, also packed with gzip.")]
ForShop = Annotated[str, typer.Option("--shop", help="Whose they are.")]
Zone = Annotated[str | None, typer.Option("--timezone", help="Of dates that name no zone, such as Europe/Paris.")]
Errors = Annotated[
    Path | None, typer.Option("--errors", help="Where rejected rows go.", show_default="FILE.errors.ndjson")
]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Check the file only.")]
Again = Annotated[bool, typer.Option("--again", help="Start over, whatever was done.")]
DEFAULT_DATA = platformdirs.user_data_path("relance")


@app.command(epilog="Example: `relance up --data ./data --port 8090`")
def up(
    data: Data = DEFAULT_DATA,
    port: Annotated[int, typer.Option(help="The API's port.", min=1, max=65535)] = 8080,
) -> None:
    """Run everything on one machine: Postgres, Temporal with its UI, relay, workers, API."""
    _run(up_command.up(data.absolute(), port))


@app.command(epilog="Example: `relance demo --speed 20000`")
def demo(
    port: Annotated[int, typer.Option(help="The API's port.", min=1, max=65535)] = 8080,
    speed: Annotated[float, typer.Option(help="Shop seconds in a second, at most.", min=1)] = demo_day.SPEED,
    seed: Annotated[int, typer.Option(help="Another seed is another day.")] = 1,
) -> None:
    """Play a generated shop day through the real engine, with a live view."""
    _run(demo_day.demo(port, speed, seed), log_level="error")


@app.command(epilog="Example: `relance rehearse events.ndjson.gz --speed 10000 --no-holdout --out ./out`")
def rehearse(
    events: Annotated[Path, typer.Argument(help="Segment events, one JSON object on a line; .gz is unpacked.")],
    plan: Annotated[str, typer.Option(help="The plan to rehearse.")] = "cart-recovery",
    speed: Annotated[float, typer.Option(help="Shop seconds in a second, at most.", min=1)] = rehearse_command.SPEED,
    out: Annotated[Path, typer.Option(help="Where journeys.ndjson and sends.ndjson go.")] = Path("out"),
    *,
    holdout: Annotated[bool, typer.Option("--holdout/--no-holdout", help="Keep the plan's holdout.")] = True,
    quiet_hours: Annotated[bool, typer.Option("--quiet-hours/--no-quiet-hours", help="Keep quiet hours.")] = True,
) -> None:
    """Play recorded events through the real engine and write what came of them."""
    _run(
        rehearse_command.rehearse(events, plan, speed, out, Policy(quiet_hours=quiet_hours), holdout=holdout),
        log_level="error",
    )


@app.command()
def migrate() -> None:
    """Bring the database to the newest schema, and Temporal's namespace to what journeys need."""
    _run(processes.migrate(_settings()))


@app.command(epilog="Example: `relance api --host 0.0.0.0 --port 8080`")
def api(
    host: Annotated[str, typer.Option(help="The address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="The port to listen on.", min=1, max=65535)] = 8080,
) -> None:
    """Serve the HTTP API. It takes events while Temporal is down."""
    _run(processes.api(_settings(), host, port))


@app.command()
def relay() -> None:
    """Tell Temporal what Postgres has decided. Many may run."""
    _run(processes.relay(_settings()))


@app.command(epilog="Example: `relance worker --queue relance-journeys --queue relance-send-sms`")
def worker(
    queue: Annotated[list[str] | None, typer.Option(help="A task queue; may be repeated.", show_default="all")] = None,
) -> None:
    """Run journeys and sends. Many may run."""
    _run(processes.worker(_settings(), queue))


@shop.command("create", epilog="Example: `relance shop create boutique --name 'La Boutique'`")
def shop_create(
    name: Annotated[str, typer.Argument(help="Its id: small letters, digits and -.", metavar="SHOP")],
    title: Annotated[str | None, typer.Option("--name", help="Its name, as messages show it.")] = None,
) -> None:
    """Make a shop in sandbox mode, with the plans that come along."""
    _run(shop_commands.create(_settings(), name, title or name))


@shop.command("set", epilog="Example: `relance shop set boutique --mode allowlist --allow +33639980001`")
def shop_set(
    name: Annotated[str, typer.Argument(metavar="SHOP")],
    title: Annotated[str | None, typer.Option("--name", help="Its name, as messages show it.")] = None,
    mode: Annotated[str | None, typer.Option(help="sandbox, allowlist, live or stopped.")] = None,
    language: Annotated[str | None, typer.Option(help="For people whose language is unknown: fr, it, pt, en.")] = None,
    cart_url: Annotated[str | None, typer.Option(help="The cart page, for links in messages.")] = None,
    allow: Annotated[list[str] | None, typer.Option(help="Add an address to the allowlist; may be repeated.")] = None,
    disallow: Annotated[list[str] | None, typer.Option(help="Take an address off it; may be repeated.")] = None,
    account: Annotated[
        str | None,
        typer.Option(
            help="CHANNEL=FILE: a JSON file with the provider's account, - reads it; CHANNEL:2=FILE: a second."
        ),
    ] = None,
    policy: Annotated[str | None, typer.Option(help="A JSON file with the shop's own rules; - reads it.")] = None,
) -> None:
    """Change a shop's settings; what is not named stays."""
    _run(
        shop_commands.change(
            _settings(), name, title, mode, language, cart_url, allow or [], disallow or [], account, policy
        )
    )


@shop.command("show")
def shop_show(name: Annotated[str, typer.Argument(metavar="SHOP")]) -> None:
    """Show a shop's settings, without its secrets."""
    _run(shop_commands.show(_settings(), name))


@customer.command("show", epilog="Example: `relance customer show boutique u-1`")
def customer_show(
    name: Annotated[str, typer.Argument(metavar="SHOP")],
    customer_id: Annotated[str, typer.Argument(metavar="ID", help="Any id that they are or were known by.")],
) -> None:
    """Show a person: traits, consents with their proof, suppressed addresses, journeys, newest sends, sending rules."""
    _run(customer_commands.show(_settings(), name, customer_id), log_level="error")


@key.command("create", epilog="Example: `relance key create boutique write`")
def key_create(
    name: Annotated[str, typer.Argument(metavar="SHOP")],
    kind: Annotated[str, typer.Argument(metavar="write|api", help="write: sends events. api: steers journeys.")],
    label: Annotated[str, typer.Option(help="What it is for.")] = "",
) -> None:
    """Make a key and print it: the only time it can be seen."""
    _run(shop_commands.create_key(_settings(), name, kind, label))


@push_key.command("create", epilog="Example: `relance push-key create boutique --subject mailto:it@boutique.example`")
def push_key_create(
    name: Annotated[str, typer.Argument(metavar="SHOP")],
    subject: Annotated[str, typer.Option(help="mailto:ADDRESS or https://PAGE, where push services reach the shop.")],
) -> None:
    """Make the key, keep it as the shop's account for web push, and print its public half."""
    _run(push_commands.create_key(_settings(), name, subject))


@key.command("list")
def key_list(name: Annotated[str | None, typer.Argument(metavar="SHOP")] = None) -> None:
    """List keys, of one shop or of all."""
    _run(shop_commands.list_keys(_settings(), name))


@key.command("revoke")
def key_revoke(key_id: Annotated[str, typer.Argument(help="As 'relance key list' shows it.")]) -> None:
    """Revoke a key: it is refused from now on."""
    _run(shop_commands.revoke_key(_settings(), key_id))


@hook.command("create", epilog="Example: `relance hook create boutique standard`")
def hook_create(
    name: Annotated[str, typer.Argument(metavar="SHOP")],
    source: Annotated[
        str, typer.Argument(metavar="shopify|woocommerce|standard|twilio|infobip|smtp", help="Who calls.")
    ],
    secret: Annotated[
        str | None,
        typer.Option(help="-: read the secret, or from standard input. Shopify's and Twilio's always are."),
    ] = None,
) -> None:
    """Keep a secret by which webhooks are signed, encrypted; where none is read, make one and print it."""
    _run(hook_commands.create(_settings(), name, source, secret))


@hook.command("list")
def hook_list(name: Annotated[str | None, typer.Argument(metavar="SHOP")] = None) -> None:
    """List the secrets of one shop or of all, without what they are, and when each was last used."""
    _run(hook_commands.list_secrets(_settings(), name))


@hook.command("revoke")
def hook_revoke(secret_id: Annotated[str, typer.Argument(help="As 'relance hook list' shows it.")]) -> None:
    """Revoke a secret: what it signs is refused from now on."""
    _run(hook_commands.revoke(_settings(), secret_id))


@hook.command("kept")
def hook_kept(
    for_shop: Annotated[str | None, typer.Option("--shop", help="Whose.", show_default="all")] = None,
) -> None:
    """List signed bodies that could not be read, with the reason."""
    _run(hook_commands.kept(_settings(), for_shop))


@hook.command("retry", epilog="Example: `relance hook retry --all`")
def hook_retry(
    kept_id: Annotated[int | None, typer.Argument(help="As 'relance hook kept' shows it.", metavar="ID")] = None,
    *,
    everything: Annotated[bool, typer.Option("--all", help="All that are kept.")] = False,
) -> None:
    """Read kept bodies anew; those that can be read now are kept no longer."""
    _run(hook_commands.retry(_settings(), kept_id, everything=everything))


@hook.command("forget")
def hook_forget(
    kept_id: Annotated[int, typer.Argument(help="As 'relance hook kept' shows it.", metavar="ID")],
) -> None:
    """Delete a kept body for good."""
    _run(hook_commands.forget(_settings(), kept_id))


@imports.command(
    "customers", epilog="Example: `relance import customers customers.csv --shop boutique --timezone Europe/Paris`"
)
def import_customers(
    file: Rows,
    shop: ForShop,
    timezone: Zone = None,
    as_of: Annotated[str | None, typer.Option(help="When the file was written, for rows without a date.")] = None,
    errors: Errors = None,
    *,
    dry_run: DryRun = False,
    again: Again = False,
) -> None:
    """Import who the shop's customers are, so that they are known."""
    _import(import_commands.wanted(What.CUSTOMERS, file, shop, timezone, as_of, errors, again=again), dry_run=dry_run)


@imports.command("orders", epilog="Example: `relance import orders orders.ndjson.gz --shop boutique`")
def import_orders(
    file: Rows,
    shop: ForShop,
    timezone: Zone = None,
    errors: Errors = None,
    *,
    dry_run: DryRun = False,
    again: Again = False,
) -> None:
    """Import past orders. They start nothing; who has ordered is a customer."""
    _import(import_commands.wanted(What.ORDERS, file, shop, timezone, None, errors, again=again), dry_run=dry_run)


@imports.command("consents", epilog="Example: `relance import consents consents.csv --shop boutique --dry-run`")
def import_consents(
    file: Rows,
    shop: ForShop,
    timezone: Zone = None,
    errors: Errors = None,
    *,
    dry_run: DryRun = False,
    again: Again = False,
) -> None:
    """Import what people agreed to or refused, each with its date."""
    _import(import_commands.wanted(What.CONSENTS, file, shop, timezone, None, errors, again=again), dry_run=dry_run)


@imports.command("suppressions", epilog="Example: `relance import suppressions bounced.csv --shop boutique`")
def import_suppressions(
    file: Rows,
    shop: ForShop,
    timezone: Zone = None,
    errors: Errors = None,
    *,
    dry_run: DryRun = False,
    again: Again = False,
) -> None:
    """Import addresses that nothing may be sent to, whoever agreed to it."""
    _import(import_commands.wanted(What.SUPPRESSIONS, file, shop, timezone, None, errors, again=again), dry_run=dry_run)


def _import(wanted: import_commands.Wanted, *, dry_run: bool) -> None:
    _run(import_commands.check(wanted) if dry_run else import_commands.run(_settings(), wanted), log_level="error")


@events.command("parked", epilog="Example: `relance events parked --shop boutique`")
def events_parked(
    for_shop: Annotated[str | None, typer.Option("--shop", help="Of one shop only.", show_default="all")] = None,
) -> None:
    """List what cannot be delivered to Temporal, and why."""
    _run(events_commands.parked(_settings(), for_shop))


@events.command("retry", epilog="Example: `relance events retry 1207 1311`")
def events_retry(
    ids: Annotated[list[int] | None, typer.Argument(metavar="[ID]...", help="As the list shows them.")] = None,
    *,
    every: Annotated[bool, typer.Option("--all", help="All that are parked, of every shop.")] = False,
) -> None:
    """Have parked rows delivered after all, once the reason is mended."""
    _run(events_commands.retry(_settings(), ids or [], every=every))


def main() -> None:
    """Run the program; what the user can mend is told in one line."""
    try:
        typed.check(sys.argv[1:])
        app(prog_name="relance")
    except* UsageError as group:
        for error in group.exceptions:
            print(f"relance: {_innermost(error)}", file=sys.stderr)  # noqa: T201 the error line itself
        sys.exit(2)
    except* KeyboardInterrupt:
        sys.exit(130)


def _innermost(error: BaseException) -> BaseException:
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error
