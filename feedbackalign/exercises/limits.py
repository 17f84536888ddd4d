"""Arguments at the limits of a formula, for `Exercise.limits`."""


def lifting(name, draw, cosines, tries=300):
    """Arguments at which rounding lifts a cosine above 1, so that its arccos is nan unless it is clipped.

    draw() -> arguments whose cosine is 1 or −1; cosines(*arguments) -> the cosine by each of the usual formulas, which
    round in different places. Returns {name: arguments, "name (2)": …}, drawn until every formula has had its turn.

    >>> import numpy as np
    >>> rng = np.random.default_rng(0)
    >>> found = lifting("equal arrays", lambda: (rng.normal(size=3),), lambda u: [u @ u / np.linalg.norm(u)**2])
    >>> any(u @ u / np.linalg.norm(u)**2 > 1 for u, in found.values())
    True
    """
    found, lifted = [], set()
    for _ in range(tries):
        arguments = draw()
        values = cosines(*arguments)
        more = {place for place, cosine in enumerate(values) if abs(cosine) > 1} - lifted
        if more or not found:
            found.append(arguments)
        lifted |= more
        if len(lifted) == len(values):
            break
    return {f"{name} ({count})" if count > 1 else name: arguments for count, arguments in enumerate(found, start=1)}
