"""Plan to RunReport: leases, chunks, transactions, counts. Knows no dialect; every statement is the plan's."""
