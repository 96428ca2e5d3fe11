"""Whether the address in a column is in a network, on every database.

PostgreSQL stores an address as ``inet`` and compares it with a network itself. The others store
its text: MariaDB and MySQL can convert it, and SQLite calls a function of Python.
"""

import functools
import ipaddress
from typing import Any

from django.db.models import BooleanField, CharField, F, Func, Value

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


def spell(network: Network) -> str:
    """Return a network as people write it: one address without a mask."""
    return str(network[0] if network.num_addresses == 1 else network)


class IsWithin(Func):
    """The condition that the address in ``column`` is in ``network``; NULL is in none."""

    function = "jwtauth_is_within"
    output_field = BooleanField()

    def __init__(self, column: str, network: Network) -> None:
        text = Value(str(network), output_field=CharField())
        super().__init__(F(column), text)
        self.network = network

    def as_postgresql(self, compiler: Any, connection: Any) -> tuple[str, Any]:
        template = "(%(expressions)s::inet)"
        sql, params = self.as_sql(compiler, connection, template=template, arg_joiner=" <<= ")
        return sql, params

    def as_mysql(self, compiler: Any, connection: Any) -> tuple[str, Any]:
        column, params = compiler.compile(self.get_source_expressions()[0])
        size = self.network.max_prefixlen // 8
        # 4 or 16 bytes; an IPv6 address may begin like an IPv4 one.
        sql = (
            f"(LENGTH(INET6_ATON({column})) = {size}"
            f" AND INET6_ATON({column}) BETWEEN INET6_ATON(%s) AND INET6_ATON(%s))"
        )
        first, last = str(self.network[0]), str(self.network[-1])
        return sql, [*params, *params, first, last]

    def as_sqlite(self, compiler: Any, connection: Any, **extra: Any) -> tuple[str, Any]:
        connection.ensure_connection()
        connection.connection.create_function("jwtauth_is_within", 2, is_within)
        sql, params = self.as_sql(compiler, connection)
        return sql, params


def is_within(address: str | None, network: str) -> bool:
    """Return whether the text of an address is in the network."""
    if address is None:
        return False
    try:
        return ipaddress.ip_address(address) in _parse(network)
    except ValueError:
        return False


_parse = functools.lru_cache(maxsize=64)(ipaddress.ip_network)
