"""Writes what TCP connections of this machine carry over its cards, connection by connection, to the file at argv[1]. Ends at SIGTERM."""
import collections
import signal
import socket
import sys

LOOPBACK_OR_OWN = ("lo", "docker0")
payloads = collections.defaultdict(bytearray)
sniffer = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(0x0003))
sniffer.setsockopt(socket.SOL_SOCKET, 33, 64 << 20)  # SO_RCVBUFFORCE


def write(*_):
    with open(sys.argv[1], "wb") as file:
        for payload in payloads.values():
            file.write(payload + b"\n")
    sys.exit()


signal.signal(signal.SIGTERM, write)
print("capturing", flush=True)
while True:
    packet, (card, protocol, *_) = sniffer.recvfrom(65535)
    if card in LOOPBACK_OR_OWN or protocol != 0x0800 or packet[9] != 6:
        continue
    ip_header = (packet[0] & 15) * 4
    length = int.from_bytes(packet[2:4], "big") or len(packet)
    tcp_header = (packet[ip_header + 12] >> 4) * 4
    connection = packet[12:20] + packet[ip_header : ip_header + 4]
    payloads[connection] += packet[ip_header + tcp_header : length]
