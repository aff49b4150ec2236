"""Where the simulated tenant's addresses are: documentation ranges, put into real cities."""

from ipaddress import IPv4Address, ip_address, ip_network
from typing import NamedTuple
from zlib import crc32

from tidegate.declare.site import Site
from tidegate.ports import Place

RANGES = [
    ip_network(text)
    for text in ("192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24", "2001:db8::/32")
]
# Neighbours share a city: eight addresses of IPv4, or a site (/48) of IPv6.
BLOCK4, BLOCK6 = 3, 80


class City(NamedTuple):
    """A city, with its country by ISO 3166 and the coordinates of its centre."""

    name: str
    country: str
    latitude: float
    longitude: float


CITIES = [
    City("Amsterdam", "NL", 52.3676, 4.9041),
    City("Ashburn", "US", 39.0438, -77.4874),
    City("Athens", "GR", 37.9838, 23.7275),
    City("Auckland", "NZ", -36.8509, 174.7645),
    City("Bangkok", "TH", 13.7563, 100.5018),
    City("Beijing", "CN", 39.9042, 116.4074),
    City("Belgrade", "RS", 44.7866, 20.4489),
    City("Bogota", "CO", 4.711, -74.0721),
    City("Bucharest", "RO", 44.4268, 26.1025),
    City("Buenos Aires", "AR", -34.6037, -58.3816),
    City("Cairo", "EG", 30.0444, 31.2357),
    City("Cape Town", "ZA", -33.9249, 18.4241),
    City("Chicago", "US", 41.8781, -87.6298),
    City("Copenhagen", "DK", 55.6761, 12.5683),
    City("Dallas", "US", 32.7767, -96.797),
    City("Dhaka", "BD", 23.8103, 90.4125),
    City("Dubai", "AE", 25.2048, 55.2708),
    City("Dublin", "IE", 53.3498, -6.2603),
    City("Frankfurt", "DE", 50.1109, 8.6821),
    City("Hanoi", "VN", 21.0278, 105.8342),
    City("Helsinki", "FI", 60.1699, 24.9384),
    City("Hong Kong", "HK", 22.3193, 114.1694),
    City("Istanbul", "TR", 41.0082, 28.9784),
    City("Jakarta", "ID", -6.2088, 106.8456),
    City("Johannesburg", "ZA", -26.2041, 28.0473),
    City("Karachi", "PK", 24.8607, 67.0011),
    City("Kyiv", "UA", 50.4501, 30.5234),
    City("Lagos", "NG", 6.5244, 3.3792),
    City("Lima", "PE", -12.0464, -77.0428),
    City("Lisbon", "PT", 38.7223, -9.1393),
    City("London", "GB", 51.5074, -0.1278),
    City("Los Angeles", "US", 34.0522, -118.2437),
    City("Madrid", "ES", 40.4168, -3.7038),
    City("Mexico City", "MX", 19.4326, -99.1332),
    City("Milan", "IT", 45.4642, 9.19),
    City("Moscow", "RU", 55.7558, 37.6173),
    City("Mumbai", "IN", 19.076, 72.8777),
    City("Nairobi", "KE", -1.2921, 36.8219),
    City("Oslo", "NO", 59.9139, 10.7522),
    City("Paris", "FR", 48.8566, 2.3522),
    City("Reykjavik", "IS", 64.1466, -21.9426),
    City("Santiago", "CL", -33.4489, -70.6693),
    City("Sao Paulo", "BR", -23.5505, -46.6333),
    City("Seattle", "US", 47.6062, -122.3321),
    City("Seoul", "KR", 37.5665, 126.978),
    City("Shanghai", "CN", 31.2304, 121.4737),
    City("Singapore", "SG", 1.3521, 103.8198),
    City("Stockholm", "SE", 59.3293, 18.0686),
    City("Sydney", "AU", -33.8688, 151.2093),
    City("Taipei", "TW", 25.033, 121.5654),
    City("Tehran", "IR", 35.6892, 51.389),
    City("Tokyo", "JP", 35.6762, 139.6503),
    City("Toronto", "CA", 43.6532, -79.3832),
    City("Vienna", "AT", 48.2082, 16.3738),
    City("Warsaw", "PL", 52.2297, 21.0122),
]


# Where the simulated organisation sits.
SITES = [
    Site(name="Vienna", latitude=48.2082, longitude=16.3738),
    Site(name="Toronto", latitude=43.6532, longitude=-79.3832),
]


def city(address: str) -> City | None:
    """Return the city of a documentation address, the same one always."""
    try:
        ip = ip_address(address)
    except ValueError:
        return None
    if not any(ip in network for network in RANGES):
        return None
    block = int(ip) >> (BLOCK4 if isinstance(ip, IPv4Address) else BLOCK6)
    return CITIES[crc32(str(block).encode()) % len(CITIES)]


def place(address: str) -> Place | None:
    """Return the same as a place, for the locator; it says that it is simulated."""
    found = city(address)
    if found is None:
        return None
    return Place(found.latitude, found.longitude, found.country, "city", "simulated")
