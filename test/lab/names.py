"""Answers every DNS question with "no such name".

The engine asks outside for names that no container has. The lab has no outside, and a question that is never answered
costs seconds, where on an ordinary machine a wrong name is refused at once.
"""
import socket
import sys

server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
server.bind((sys.argv[2], 53))
while True:
    query, asker = server.recvfrom(4096)
    end = 12
    while end < len(query) and query[end] != 0:
        end += query[end] + 1
    question = query[12 : end + 5]
    # RFC 1035: a response, recursion wanted and available, code 3; one question and no records.
    server.sendto(query[:2] + b"\x81\x83" + b"\x00\x01" + bytes(6) + question, asker)
