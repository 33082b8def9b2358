"""The reference model: what a target holds after each extract, as plainly as Python says it, row by row."""

from collections import Counter, defaultdict

USER = ("a", "b", "c")


class Model:
    def __init__(self, rules):
        self.rules, self.rows = rules, []

    def load(self, extract, now):
        n, groups, seen = Counter(read=len(extract)), defaultdict(list), {row["k"] for row in extract}
        for row in extract:
            groups[None if self.rules.effective and row["at"] is None else row["k"]].append(row)
        n["rejected"] += len(groups.pop(None, []))
        for key, rows in groups.items():
            if (row := self.only(rows, n)) is not None:
                n[self.merge(key, row, row["at"] if self.rules.effective else now, now)] += 1
        if self.rules.deletes != "ignore":
            gone = [v for v in self.rows if v["current"] and not v["deleted"] and v["k"] not in seen]
            n["closed"] = sum(self.remove(version, now) for version in gone)
        return n

    def only(self, rows, n):
        last = self.rules.duplicates == "last"
        names = ["k", *USER] + ["at"] * self.rules.effective + ["ord"] * last
        distinct = {tuple(row[name] for name in names): row for row in rows}.values()
        best = [row for row in distinct if not last or row["ord"] == max(other["ord"] for other in distinct)]
        n["collapsed"] += len(rows) - (1 if len(best) == 1 else len(distinct))
        n["rejected"] += len(distinct) if len(best) > 1 else 0
        return best[0] if len(best) == 1 else None

    def merge(self, key, row, at, now):
        known = [v for v in self.rows if v["k"] == key]
        if (current := next((v for v in known if v["current"]), None)) is None:
            if known and self.rules.effective and at < max(v["end"] for v in known):
                return "rejected"
            return self.add(row, at if known or not self.rules.first else self.rules.first, now)
        differs = {p: any(row[c] != current[c] for c, q in zip(USER, self.rules.policies) if p == q) for p in "012"}
        if self.rules.type != "2":
            changes = self.rules.type == "1" and (differs["1"] or current["deleted"])
            return self.write(current, row, now, ("1", "ignore")) if changes else "unchanged"
        versions, early = differs["2"] or current["deleted"], self.rules.effective and at < current["start"]
        if (versions and at <= current["start"]) or early:
            if self.rules.late == "reject":
                return "rejected"
            return self.write(current, row, now, ("1", "2", "ignore")) if versions or differs["1"] else "unchanged"
        if not versions:
            return self.write(current, row, now, ("1",)) if differs["1"] else "unchanged"
        current.update(end=at, current=False, mod=now)
        kept = {c: current[c] for c, p in zip(USER, self.rules.policies) if p == "0"}
        return self.add({**row, **kept}, at, now) and "versioned"

    def write(self, current, row, now, policies):
        current.update({c: row[c] for c, p in zip(USER, self.rules.policies) if p in policies}, mod=now, deleted=False)
        return "updated"

    def add(self, row, start, now, deleted=False):
        version = {"start": start, "end": self.rules.end, "current": True, "deleted": deleted, "ins": now, "mod": now}
        self.rows.append({name: row[name] for name in ("k", *USER)} | version)
        return "inserted"

    def remove(self, version, now):
        if self.rules.deletes == "delete":
            self.rows.remove(version)
        elif self.rules.deletes == "flag":
            version.update(deleted=True, mod=now)
        else:
            version.update(end=now, current=False, mod=now)
        return bool(self.rules.deletes != "tombstone" or self.add(version, now, now, deleted=True))
