"""wsgiref.headers: operations on one list of fields, one after the other."""

from wsgiref.headers import Headers

from .attempt import attempt


def headers(case):
    wrapped = [tuple(field) for field in case["fields"]]
    mapping = Headers(wrapped)
    operations = {
        "length": lambda: len(mapping),
        "get": mapping.get,
        "has": lambda name: name in mapping,
        "set": mapping.__setitem__,
        "delete": mapping.__delitem__,
        "getAll": mapping.get_all,
        "keys": mapping.keys,
        "values": mapping.values,
        "items": mapping.items,
        "setDefault": mapping.setdefault,
        "addHeader": lambda name, value, params: mapping.add_header(name, value, **params),
        "toString": lambda: str(mapping),
        "toBytes": lambda: bytes(mapping).hex(),
    }
    outcomes = [attempt(operations[name], *args) for name, *args in case["operations"]]
    return [outcomes, wrapped]
