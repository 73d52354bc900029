using System;
using System.Collections.Concurrent;
using System.Collections.Generic;
using System.Globalization;
using System.IO;
using System.Threading;
using System.Threading.Tasks;

namespace RedisClusterOps.Protocol;

/// <summary>Writes commands as arrays of bulk strings, the form that every server accepts.</summary>
/// <remarks>Small commands are sent together. A large argument is not copied.</remarks>
internal sealed class RespWriter(Stream stream)
{
    // The type, ten digits and the line end.
    private const int LongestHeader = 13;
    private const int LineEnd = 2;

    private byte[] _buffer = [];
    private int _filled;

    private int Room => _buffer.Length - _filled;

    /// <summary>Writes the commands and flushes them.</summary>
    public async Task WriteAsync(IReadOnlyList<RespCommand> commands, CancellationToken cancellation)
    {
        _buffer = IoBuffers.Rent();
        foreach (var command in commands)
        {
            var arguments = command.Arguments;
            if (Room < LongestHeader)
                await FlushAsync(cancellation).ConfigureAwait(false);
            AppendHeader('*', arguments.Count);
            for (var i = 0; i < arguments.Count; i++)
            {
                var argument = arguments[i];
                if (Room < LongestHeader + argument.Length + LineEnd)
                    await FlushAsync(cancellation).ConfigureAwait(false);
                AppendHeader('$', argument.Length);
                if (Room < argument.Length + LineEnd)
                {
                    await FlushAsync(cancellation).ConfigureAwait(false);
                    await stream.WriteAsync(argument, 0, argument.Length, cancellation).ConfigureAwait(false);
                }
                else
                {
                    Array.Copy(argument, 0, _buffer, _filled, argument.Length);
                    _filled += argument.Length;
                }

                AppendLineEnd();
            }
        }

        await FlushAsync(cancellation).ConfigureAwait(false);
        await stream.FlushAsync(cancellation).ConfigureAwait(false);
        // After an exception the connection is closed, and the buffer may still be read.
        IoBuffers.Return(_buffer);
        _buffer = [];
    }

    private void AppendHeader(char type, int count)
    {
        _buffer[_filled++] = (byte)type;
        foreach (var digit in count.ToString(CultureInfo.InvariantCulture))
            _buffer[_filled++] = (byte)digit;
        AppendLineEnd();
    }

    private void AppendLineEnd()
    {
        _buffer[_filled++] = (byte)'\r';
        _buffer[_filled++] = (byte)'\n';
    }

    private async Task FlushAsync(CancellationToken cancellation)
    {
        var length = _filled;
        _filled = 0;
        await stream.WriteAsync(_buffer, 0, length, cancellation).ConfigureAwait(false);
    }
}

/// <summary>The buffers of all connections. A connection needs one only while it writes commands or reads a reply.</summary>
internal static class IoBuffers
{
    private const int Size = 64 * 1024;
    private const int MostKept = 16;

    private static readonly ConcurrentStack<byte[]> Kept = new();

    public static byte[] Rent() => Kept.TryPop(out var buffer) ? buffer : new byte[Size];

    public static void Return(byte[] buffer)
    {
        if (Kept.Count < MostKept)
            Kept.Push(buffer);
    }
}
