using System;
using System.Collections.Generic;
using System.Net;
using System.Net.Sockets;

namespace RedisClusterOps.Lab;

/// <summary>Hands out ports on loopback whose cluster-bus port is free as well.</summary>
internal static class LoopbackPorts
{
    private const int BusOffset = 10000;

    // From 32768 up Linux assigns ports to outgoing connections: a client would occasionally take a bus port there.
    private const int First = 11000;
    private const int End = 32768 - BusOffset;

    private static readonly object Gate = new();
    private static readonly HashSet<int> Reserved = [];

    /// <summary>Reserves a free port within this process. Another process may still take it first.</summary>
    public static int Reserve(string host = "127.0.0.1")
    {
        var address = IPAddress.Parse(host);
        for (var attempt = 0; attempt < 500; attempt++)
        {
            var port = Random.Shared.Next(First, End);
            lock (Gate)
            {
                if (!Reserved.Add(port))
                    continue;
            }

            if (IsFree(address, port) && IsFree(address, port + BusOffset))
                return port;
            Release(port);
        }

        throw new LabException("No free pair of ports (n and n + 10000) was found between 11000 and 32767 on loopback.");
    }

    public static void Release(int port)
    {
        lock (Gate)
            Reserved.Remove(port);
    }

    private static bool IsFree(IPAddress address, int port)
    {
        using var socket = new Socket(address.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
        try
        {
            socket.Bind(new IPEndPoint(address, port));
            socket.Listen(1);
            return true;
        }
        catch (SocketException)
        {
            return false;
        }
    }
}
