using System;
using System.IO;
using System.Net.Sockets;
using System.Text;

namespace RedisClusterOps.Benchmarks;

/// <summary>A blocking connection for one command at a time, so that a measurement contains no task scheduling.</summary>
internal sealed class RawConnection : IDisposable
{
    private const int TimeoutMilliseconds = 30_000;

    private readonly Socket _socket = new(SocketType.Stream, ProtocolType.Tcp)
    {
        NoDelay = true,
        ReceiveTimeout = TimeoutMilliseconds,
        SendTimeout = TimeoutMilliseconds,
    };

    private readonly byte[] _buffer = new byte[4096];
    private int _filled;

    public RawConnection(NodeEndpoint node) => _socket.Connect(node.Host, node.Port);

    /// <summary>Encodes a command.</summary>
    public static byte[] Encode(params byte[][] arguments)
    {
        using var bytes = new MemoryStream();
        bytes.Write(Encoding.ASCII.GetBytes("*" + arguments.Length + "\r\n"));
        foreach (var argument in arguments)
        {
            bytes.Write(Encoding.ASCII.GetBytes("$" + argument.Length + "\r\n"));
            bytes.Write(argument);
            bytes.Write("\r\n"u8);
        }

        return bytes.ToArray();
    }

    /// <summary>Sends a command and returns the first line of the reply; for a string also its value, in a second line.</summary>
    public string Ask(byte[] command)
    {
        _socket.Send(command);
        _filled = 0;
        while (true)
        {
            var read = _socket.Receive(_buffer.AsSpan(_filled));
            if (read == 0)
                throw new IOException("The server closed the connection.");
            _filled += read;
            var seen = _buffer.AsSpan(0, _filled);
            var line = seen.IndexOf("\r\n"u8);
            if (line < 0)
                continue;
            var isString = seen[0] == '$' && seen[1] != '-';
            if (!isString || (seen[^2] == '\r' && _filled >= line + 4))
                return Encoding.ASCII.GetString(seen[..^2]);
        }
    }

    public void Dispose() => _socket.Dispose();
}
