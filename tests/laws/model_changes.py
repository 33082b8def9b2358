"""The reference model of a feed: a target as a pure function of all observations, as plainly as Python says it."""

from itertools import groupby

USER = ("a", "b", "c", "d")


def table_of(observations, policies, deletes, end):
    """The versions that the observations of every key leave: (key, columns, from, to, current, deleted)."""
    rows = []
    counted = [o for o in observations if deletes != "ignore" or o["op"] != "D"]
    ordered = sorted(counted, key=lambda o: (o["k"], o["at"], o["ord"]))
    for key, of_key in groupby(ordered, key=lambda o: o["k"]):
        holding = [list(same)[-1] for _, same in groupby(of_key, key=lambda o: o["at"])]
        rows += [(key, *version) for version in versions_of(holding, policies, deletes, end)]
    return sorted(rows, key=repr)


def versions_of(holding, policies, deletes, end):
    """The versions of one key, from the observations that hold, in their order."""
    versions = []
    for o in holding:
        live = versions[-1] if versions and versions[-1]["to"] is None and not versions[-1]["gone"] else None
        if o["op"] == "D":
            if live is None:
                continue
            live["to"] = o["at"]
            if deletes == "tombstone":
                versions.append({**live, "from": o["at"], "to": None, "gone": True})
        elif live is None:
            kept = versions[-1] if versions and deletes == "tombstone" else None
            if kept:
                kept["to"] = o["at"]
            versions.append(begin(o, kept, policies))
        elif any(o[c] != live[c] for c, p in zip(USER, policies) if p == "2"):
            live["to"] = o["at"]
            versions.append(begin(o, live, policies))
        else:
            live.update({c: o[c] for c, p in zip(USER, policies) if p == "1"})
    there = [o for o in holding if o["op"] != "D"]
    for v in versions:
        v.update({c: there[-1][c] for c, p in zip(USER, policies) if p == "all"})
    return [(*(v[c] for c in USER), v["from"], v["to"] or end, v["to"] is None, v["gone"]) for v in versions]


def begin(o, before, policies):
    """A version that an observation begins; what is kept as first loaded comes from the version before it."""
    kept = {c: before[c] for c, p in zip(USER, policies) if p == "0"} if before else {}
    return {**{c: o[c] for c in USER}, **kept, "from": o["at"], "to": None, "gone": False}


def last_rows(observations, policies, deletes):
    """A target without history: the last observation of every key, by its time; a deleted key is gone, or flagged."""
    rows = {}
    for o in sorted(observations, key=lambda o: (o["at"], o["ord"])):
        row = rows.get(o["k"])
        if o["op"] == "D":
            if row and deletes == "delete":
                del rows[o["k"]]
            elif row and deletes == "flag":
                row.update(gone=True, at=o["at"])
        elif row is None:
            rows[o["k"]] = {**{c: o[c] for c in USER}, "at": o["at"], "gone": False}
        else:
            row.update({c: o[c] for c, p in zip(USER, policies) if p == "1"}, at=o["at"], gone=False)
    return sorted(((k, *(r[c] for c in USER), r["at"], r["gone"]) for k, r in rows.items()), key=repr)
