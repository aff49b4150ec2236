"""What a month costs."""

from collections.abc import Mapping

from tidegate.cost import Bill, Price
from tidegate.show.cells import out, plain, table


def cost(found: Bill, prices: Mapping[str, Price]) -> None:
    """Print the bill, a line for each thing that is paid for."""
    rows = [
        (one.resource, f"{one.quantity:,.2f}", prices[one.price].per, f"{one.usd:,.2f}")
        for one in found.lines
    ]
    columns = ("resource", "quantity", "of", "USD")
    table(f"A month of {found.environment}: {found.usd:,.2f} USD", columns, rows)
    said = f"{found.units / 1e6:,.1f} million request units: serverless {found.serverless:,.2f} USD"
    out.print(plain(f"{said}, autoscale {found.autoscale:,.2f} USD"))
    guessed = sum(not prices[one.price].verified for one in found.lines)
    if guessed:
        out.print(plain(f"{guessed} of {len(rows)} prices were not compared with Azure's pages"))
