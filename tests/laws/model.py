"""The reference model: what a target holds after each extract, as plainly as Python says it, row by row."""

from collections import Counter, defaultdict

USER = ("a", "b", "c", "d")


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
                n[self.merge(key, row, row["at"] if self.rules.effective else now, now)] += 1
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
        differs = {p: any(row[c] != current[c] for c, q in zip(USER, self.rules.policies) if p == q) for p in "012"}
        if self.rules.type != "2":
            return self.write(current, row, now, "1i" if differs["1"] or current["deleted"] else "")
        versions, start = differs["2"] or current["deleted"], current["start"]
        if (self.rules.effective and at < start) or (versions and at <= start):
            policies = "12i" if versions or differs["1"] else ""
            return "rejected" if self.rules.late == "reject" else self.write(current, row, now, policies)
        if not versions:
            return self.write(current, row, now, "1" if differs["1"] else "")
        current.update(end=at, current=False, mod=now)
        kept = {c: current[c] for c, p in zip(USER, self.rules.policies) if p == "0"}
        return self.add({**row, **kept}, at, now) and "versioned"

    def write(self, current, row, now, policies):
        if policies:
            written = {c: row[c] for c, p in zip(USER, self.rules.policies) if p[0] in policies}
            current.update(written, mod=now, deleted=False)
        return "updated" if policies else "unchanged"

    def add(self, row, start, now, deleted=False):
        version = {"start": start, "end": self.rules.end, "current": True, "deleted": deleted, "ins": now, "mod": now}
        self.rows.append({name: row[name] for name in ("key", *USER)} | version)
        return "inserted"

    def remove(self, version, now):
        if self.rules.deletes == "delete":
            self.rows.remove(version)
        version.update({"deleted": True} if self.rules.deletes == "flag" else {"end": now, "current": False}, mod=now)
        return bool(self.rules.deletes != "tombstone" or self.add(version, now, now, deleted=True))
