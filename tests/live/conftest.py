import pytest

from tests.live.servers import Server, make_database


@pytest.fixture
def make_server(tmp_path):
    """``make_server(settings_module)``: a server that is ended with the test."""
    servers = []

    def make(settings_module):
        server = Server(settings_module, tmp_path, f"server{len(servers)}")
        servers.append(server)
        return server

    yield make
    for server in servers:
        server.close()


@pytest.fixture
def database(make_server, tmp_path):
    """The path of a database with one user."""
    path = str(tmp_path / "live.sqlite3")
    make_database(make_server("tests.live.auth_settings"), database=path, JWTAUTH={})
    return path
