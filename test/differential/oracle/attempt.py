def attempt(function, *args):
    """What a function returns, or just that it raised: messages are each implementation's own."""
    try:
        return {"value": function(*args)}
    except Exception:
        return {"raised": True}
