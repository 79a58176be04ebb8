def total(text: str) -> str:
    sums: dict[str, int] = {}
    for line in text.splitlines():
        region, number = line.split(",")
        sums[region] = sums.get(region, 0) + int(number)
    return "\n".join(f"{region}: {number}" for region, number in sorted(sums.items()))
