"""A private PostgreSQL server for the ledger of several machines."""

import os

import pytest


@pytest.fixture(scope="session")
def ledger_server(tmp_path_factory):
    """A connection to a private server, named `cspon_ledger` in a service file."""
    from eval.bench.postgis import PostgisUnavailable, find_binaries, private_server

    try:
        find_binaries()
    except PostgisUnavailable as error:
        if os.environ.get("CI") == "true":
            pytest.fail(str(error))
        pytest.skip(str(error))
    with private_server() as connection:
        host = connection.info.host
        file = tmp_path_factory.mktemp("service") / "pg_service.conf"
        file.write_text(f"[cspon_ledger]\nhost={host}\nuser=postgres\ndbname=postgres\n")
        before = os.environ.get("PGSERVICEFILE")
        os.environ["PGSERVICEFILE"] = str(file)
        try:
            yield connection
        finally:
            os.environ.pop("PGSERVICEFILE")
            if before is not None:
                os.environ["PGSERVICEFILE"] = before


@pytest.fixture
def ledger_service(tmp_path, monkeypatch):
    """A service file whose server does not run."""
    file = tmp_path / "pg_service.conf"
    file.write_text(f"[no_such_server]\nhost={tmp_path}\nuser=postgres\ndbname=postgres\n")
    monkeypatch.setenv("PGSERVICEFILE", str(file))
