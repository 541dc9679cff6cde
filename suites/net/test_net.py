"""The net suite: the network stack on the loopback device, and over each back end of the library's."""

from lkltest import Call, Network, Program

net = Program("net.c")


@Program("device.c", native=False)
def device(link: Network) -> Call:
    """The stack over a device, to a peer on its other end."""
    return Call(link.arguments, link.wrapper)
