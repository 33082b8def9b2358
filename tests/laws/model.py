"""The reference model: what a target holds after each extract, as plainly as Python says it, row by row."""

from collections import Counter, defaultdict

USER = ("a", "b", "c", "d")
IN_PLACE = ("1", "3", "all")
"""Policies of columns that are overwritten; of "3" the previous value is kept, "all" is overwritten in all versions."""


class Model:
    def __init__(self, rules):
        self.rules, self.rows, self.mark = rules, [], 0

    def load(self, extract, now):
        if self.rules.type == "append":
            extract = [row for row in extract if row["seq"] > self.mark]
            self.mark = max([self.mark, *(row["seq"] for row in extract)])
            return Counter([self.add(row, None, now) for row in extract], read=len(extract))
        n, groups, seen = Counter(read=len(extract)), defaultdict(list), {row["key"] for row in extract}
        for row in extract:
            groups[None if self.rules.effective and row["at"] is None else row["key"]].append(row)
        n["rejected"] += len(groups.pop(None, []))
        for key, rows in groups.items():
            if (row := self.only(rows, n)) is not None:
                what = self.merge(key, row, row["at"] if self.rules.effective else now, now)
                n[what] += 1
                n["rewritten"] += self.rewrite(key, row, now) if what not in ("unchanged", "rejected") else 0
        if self.rules.deletes != "ignore":
            gone = [v for v in self.rows if v["current"] and not v["deleted"] and v["key"] not in seen]
            n["closed"] = sum(self.remove(version, now) for version in gone)
        return n

    def only(self, rows, n):
        distinct = {tuple(row[name] for name in (*USER, "at", "ord")): row for row in rows}.values()
        best = [row for row in distinct if row["rank"] == max(other["rank"] for other in distinct)]
        n["collapsed"] += len(rows) - (1 if len(best) == 1 else len(distinct))
        n["rejected"] += len(distinct) if len(best) > 1 else 0
        return best[0] if len(best) == 1 else None

    def merge(self, key, row, at, now):
        known = [v for v in self.rows if v["key"] == key]
        if (current := next((v for v in known if v["current"]), None)) is None:
            if known and self.rules.effective and at < max(v["end"] for v in known):
                return "rejected"
            return self.add(row, at if known or not self.rules.first else self.rules.first, now)
        overwrites = self.differs(row, current, IN_PLACE)
        if self.rules.type != "2":
            policies = (*IN_PLACE, "ignore") if overwrites or current["deleted"] else ()
            return self.write(current, row, at, now, policies)
        versions, start = self.differs(row, current, ("2",)) or current["deleted"], current["start"]
        if (self.rules.effective and at < start) or (versions and at <= start):
            policies = (*IN_PLACE, "2", "ignore") if versions or overwrites else ()
            return "rejected" if self.rules.late == "reject" else self.write(current, row, at, now, policies)
        if not versions:
            return self.write(current, row, at, now, IN_PLACE if overwrites else ())
        current.update(end=at, current=False, mod=now)
        kept = {c: current[c] for c in self.columns("0")} | {"was": self.remember(current, row, at)}
        return self.add({**row, **kept}, at, now) and "versioned"

    def columns(self, *policies):
        return [c for c, policy in zip(USER, self.rules.policies, strict=True) if policy in policies]

    def differs(self, row, version, policies):
        return any(row[c] != version[c] for c in self.columns(*policies))

    def write(self, current, row, at, now, policies):
        if policies:
            was = self.remember(current, row, at)
            current.update({c: row[c] for c in self.columns(*policies)}, was=was, mod=now, deleted=False)
        return "updated" if policies else "unchanged"

    def remember(self, current, row, at):
        return {c: (current[c], at) if row[c] != current[c] else current["was"][c] for c in USER}

    def rewrite(self, key, row, now):
        closed = [v for v in self.rows if v["key"] == key and not v["current"] and self.differs(row, v, ("all",))]
        for version in closed:
            version.update({c: row[c] for c in self.columns("all")}, mod=now)
        return len(closed)

    def add(self, row, start, now, deleted=False):
        version = {"start": start, "end": self.rules.end, "current": True, "deleted": deleted, "ins": now, "mod": now}
        was = {"was": row.get("was", dict.fromkeys(USER, (None, None)))}
        self.rows.append({name: row[name] for name in ("key", *USER)} | version | was)
        return "inserted"

    def remove(self, version, now):
        if self.rules.deletes == "delete":
            self.rows.remove(version)
        version.update({"deleted": True} if self.rules.deletes == "flag" else {"end": now, "current": False}, mod=now)
        return bool(self.rules.deletes != "tombstone" or self.add(version, now, now, deleted=True))
